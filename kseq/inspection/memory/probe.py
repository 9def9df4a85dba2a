"""How far back can a cell remember? Train it small, and see."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from kseq import cells as all_cells
from kseq.errors import UserError, one_of, positive
from kseq.inspection.memory.tasks import LENGTH, TASKS, MemoryTask
from kseq.layers import RNN

CELLS = ("simple_rnn", "gru", "lstm", "peephole_lstm")
CHECK = 100  # updates from one look at the score to the next
HELD_OUT = 256  # examples that training does not have, at least


@dataclasses.dataclass(frozen=True)
class Probe:
    """One cell at one delay.

    Args:
        task: name of the problem.
        cell: name of the cell.
        delay: how far back it had to remember.
        score: on examples that training did not have, at the end of training.
        solved: whether that is good enough.
        updates: of the weights, until it was solved or time was up.
        seconds: of training.
    """

    task: str
    cell: str
    delay: int
    score: float
    solved: bool
    updates: int
    seconds: float


def memory_probe(
    task: str = "adding",
    cells: Sequence[str] = CELLS,
    delays: Sequence[int] = (10, 20, 40, 80),
    *,
    units: int = 64,
    batch: int = 32,
    learning_rate: float = 0.01,
    clip_norm: float = 1.0,
    max_updates: int = 2000,
    time_limit: float = 60.0,
    seed: int = 1,
    tell: Callable[[Probe], None] | None = None,
) -> list[Probe]:
    """Trains each cell at each delay, on examples that are drawn as they are needed.

    One recurrent layer, a linear output, Adam. Training ends when 256 fresh examples are solved, or when
    updates or seconds are used up; a cell that fails may have needed more of them, not another memory.

    Args:
        task: `"adding"`, `"copy"` or `"agreement"`, see `kseq.inspection.memory.TASKS`.
        cells: names of `kseq.cells.NAMES`.
        delays: how far back to remember; of `adding` the length of the sequence.
        units: width of each cell.
        batch: examples an update.
        learning_rate: of Adam.
        clip_norm: largest norm of the gradient.
        max_updates: of a cell at one delay.
        time_limit: seconds of a cell at one delay.
        seed: of weights and examples.
        tell: called with each result as it comes.

    Returns:
        The results, by cell and delay.

    Raises:
        UserError: a name is unknown, or a delay is too short.

    Example:
        >>> (probe,) = memory_probe("copy", ["gru"], [2], units=8, max_updates=2)
        >>> probe.updates, 0 <= probe.score <= 1
        (2, True)
    """
    problem = TASKS[one_of("task", task, TASKS)]
    for name in cells:
        one_of("cells", name, all_cells.NAMES)
    for delay in delays:
        if delay < problem.least:
            raise UserError(f"`delays` of {task} must be at least {problem.least}, got {delay}")
        problem.draw(np.random.default_rng(0), 1, delay)
    for name, value in {"units": units, "batch": batch, "max_updates": max_updates}.items():
        positive(name, value)
    setting = _Setting(problem, units, batch, learning_rate, clip_norm, max_updates, time_limit, seed)
    results = []
    for name in cells:
        for delay in delays:
            results.append(Probe(task, name, delay, *_train(setting, name, delay)))
            if tell is not None:
                tell(results[-1])
    return results


@dataclasses.dataclass(frozen=True)
class _Setting:
    """What all cells and delays have in common; the arguments of `memory_probe`."""

    problem: MemoryTask
    units: int
    batch: int
    learning_rate: float
    clip_norm: float
    max_updates: int
    time_limit: float
    seed: int

    def draw(self, seed: int, delay: int) -> tuple[np.ndarray, np.ndarray]:
        """A batch of a seed's own."""
        return self.problem.draw(np.random.default_rng(seed), self.batch, delay)


def _model(setting: _Setting, name: str, delay: int) -> tuple[keras.Model, Callable[[Any, Any], Any]]:
    """The network, and one update of it."""
    import tensorflow as tf

    problem, seed = setting.problem, setting.seed
    shape = setting.draw(0, delay)[0].shape[1:]
    cell = all_cells.get(
        name,
        setting.units,
        kernel_initializer=keras.initializers.GlorotUniform(seed),
        recurrent_initializer=keras.initializers.Orthogonal(seed=seed + 1),
    )
    inputs = keras.Input(shape, batch_size=setting.batch)
    x = RNN(cell, return_sequences=problem.each_step)(inputs)
    head = keras.layers.Dense(problem.outputs, kernel_initializer=keras.initializers.GlorotUniform(seed + 2))
    model = keras.Model(inputs, head(x[:, -LENGTH:] if problem.each_step else x))
    optimizer = keras.optimizers.Adam(setting.learning_rate, global_clipnorm=setting.clip_norm)
    optimizer.build(model.trainable_variables)
    loss = problem.loss()

    @tf.function
    def train(x: Any, y: Any) -> None:
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True))
        optimizer.apply(tape.gradient(value, model.trainable_variables))

    return model, train


def _train(setting: _Setting, name: str, delay: int) -> tuple[float, bool, int, float]:
    """Score, whether it is solved, updates and seconds."""
    import tensorflow as tf

    problem, most = setting.problem, setting.max_updates
    model, train = _model(setting, name, delay)
    rng = np.random.default_rng(setting.seed)
    held_out = [setting.draw(setting.seed + 1000 + n, delay) for n in range(-(-HELD_OUT // setting.batch))]
    targets = np.concatenate([y for _, y in held_out])
    predict = tf.function(lambda x: model(x))
    start = time.perf_counter()
    updates, score, seconds = 0, problem.chance, 0.0
    while updates < most and seconds < setting.time_limit:
        x, y = problem.draw(rng, setting.batch, delay)
        train(tf.constant(x), tf.constant(y))
        updates += 1
        seconds = time.perf_counter() - start
        if updates % CHECK == 0 or updates == most or seconds >= setting.time_limit:
            score = problem.score(targets, np.concatenate([predict(tf.constant(x)) for x, _ in held_out]))
            if problem.is_solved(score):
                break
    return score, problem.is_solved(score), updates, time.perf_counter() - start
