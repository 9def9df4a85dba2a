"""Write a SavedModel, load it back, and only then put it where it will be served."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kseq.environment import quiet_tensorflow
from kseq.export.card import write_card
from kseq.export.manifest import write_manifest
from kseq.export.version import new_version
from kseq.ops.plan import portable

NO_GRADIENTS = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
TOLERANCE = 1e-4  # largest relative difference between an export and its model


class ExportError(RuntimeError):
    """An export that does not give its model's numbers."""


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """One signature of an export.

    Args:
        name: what callers ask for.
        function: from tensors to a dictionary of tensors.
        inputs: what it takes, each with a name.
    """

    name: str
    function: Callable[..., Mapping[str, tf.Tensor]]
    inputs: list[tf.TensorSpec]


def save(
    endpoints: list[Endpoint],
    check: Callable[[Any], Mapping[str, float]],
    root: str | Path,
    name: str,
    *,
    track: Iterable[Any],
    config: Mapping[str, Any],
    metrics: Mapping[str, Any],
    signatures: Mapping[str, str],
) -> Path:
    """Write the next version of an export; a version is complete and checked, or is not there.

    Args:
        endpoints: the signatures; the first is also `serving_default`.
        check: from the loaded export to differences from the model, by what was compared.
        root: directory of all exports.
        name: name of the export.
        track: models and layers whose variables and tables the functions use.
        config: for the manifest.
        metrics: for the manifest.
        signatures: what each takes and gives, in words, for the manifest.

    Returns:
        The directory `ROOT/NAME/VERSION`.

    Raises:
        ExportError: a difference is larger than `TOLERANCE`.
        UserError: nothing can be written there.
    """
    with new_version(root, name) as version:
        module = tf.Module()
        module.tracked = list(track)
        functions = {e.name: tf.function(e.function, input_signature=e.inputs) for e in endpoints}
        module.functions = functions
        served = {"serving_default": functions[endpoints[0].name], **functions}
        with quiet_tensorflow(), portable():
            tf.saved_model.save(module, str(version.directory), signatures=served, options=NO_GRADIENTS)
            differences = dict(check(tf.saved_model.load(str(version.directory))))
        refuse(differences, "export")
        about = {
            "name": name,
            "version": version.number,
            "config": config,
            "metrics": {**metrics, "difference_from_model": differences},
            "signatures": signatures,
        }
        write_card(version.directory, **about)
        write_manifest(version.directory, **about)
    return version.path


def refuse(differences: Mapping[str, float], what: str) -> None:
    """Raise unless all differences from a model are small.

    Raises:
        ExportError: one is larger than `TOLERANCE`, or no number.
    """
    for name, difference in differences.items():
        if not difference <= TOLERANCE:
            raise ExportError(f"`{name}` of the {what} differs from the model by {difference:.2g}")


def difference(theirs: tf.Tensor, ours: tf.Tensor) -> float:
    """The largest difference of two tensors of numbers; of other things 0 if they are equal, else 1."""
    theirs, ours = theirs.numpy(), ours.numpy()
    if theirs.shape != ours.shape:
        return 1.0
    if ours.dtype.kind == "f":
        return float(np.max(np.abs(theirs - ours), initial=0.0))
    return float(np.any(theirs != ours))
