"""A search in TensorBoard's HParams tab: `tensorboard --logdir DIRECTORY`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorboard.plugins.hparams import api

from kseq.training.tuning.space import Range, Space

FOLDER = "hparams"


def write_space(directory: Path, space: Space, objective: str) -> None:
    """Write what is searched, for the axes of the plots.

    Args:
        directory: of the search.
        space: what is chosen from.
        objective: the metric.
    """
    with tf.summary.create_file_writer(str(directory / FOLDER)).as_default():
        columns = [api.HParam(name, _domain(dimension)) for name, dimension in space.items()]
        api.hparams_config(hparams=columns, metrics=[api.Metric(objective, display_name=objective)])


def write_trial(
    directory: Path, trial_id: str, values: Mapping[str, Any], scores: Mapping[str, float]
) -> None:
    """Write the values of a trial and what it scored.

    Args:
        directory: of the search.
        trial_id: of the trial.
        values: of the hyperparameters.
        scores: of the metrics.
    """
    with tf.summary.create_file_writer(str(directory / FOLDER / trial_id)).as_default():
        api.hparams({name: _plain(value) for name, value in values.items()}, trial_id=f"trial {trial_id}")
        for name, score in scores.items():
            tf.summary.scalar(name, score, step=1)


def _domain(dimension: Any) -> Any:
    if isinstance(dimension, Range):
        kind = api.IntInterval if dimension.whole else api.RealInterval
        return kind(dimension.low, dimension.high)
    values = [_plain(value) for value in dimension]
    same = len({type(value) for value in values}) == 1
    return api.Discrete(values if same else [str(value) for value in values])


def _plain(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float, str)) else str(value)
