"""Problems that can only be solved by remembering, for as long as one likes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import keras
import numpy as np

from kseq.errors import UserError

Batch = tuple[np.ndarray, np.ndarray]
Rng = np.random.Generator

SYMBOLS, LENGTH = 8, 4  # of the copy problem: different symbols, and how many are to be copied


@dataclasses.dataclass(frozen=True)
class MemoryTask:
    """A problem with a delay.

    Args:
        name: what it is called.
        draw: `draw(rng, count, delay)` gives so many examples, inputs `(count, time, features)` and targets.
        outputs: width of the output.
        score_name: what is measured.
        chance: the score of one who remembers nothing.
        solved: the score from which on it counts as solved.
        each_step: whether every step has an output, of which the last `LENGTH` count.
        least: the shortest delay.
    """

    name: str
    draw: Callable[[Rng, int, int], Batch]
    outputs: int
    score_name: str
    chance: float
    solved: float
    each_step: bool = False
    least: int = 2

    @property
    def is_error(self) -> bool:
        """Whether less is better."""
        return self.solved < self.chance

    def is_solved(self, score: float) -> bool:
        """Whether a score is good enough."""
        return score < self.solved if self.is_error else score > self.solved

    def loss(self) -> keras.losses.Loss:
        """What to train with."""
        if self.is_error:
            return keras.losses.MeanSquaredError()
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def score(self, targets: np.ndarray, outputs: np.ndarray) -> float:
        """How good outputs are."""
        if self.is_error:
            return float(np.mean((outputs - targets) ** 2))
        return float(np.mean(outputs.argmax(-1) == targets))


def adding(rng: Rng, count: int, delay: int) -> Batch:
    """Two numbers of a sequence are marked, one in each half: what is their sum?

    Example:
        >>> inputs, targets = adding(np.random.default_rng(0), 1, 6)
        >>> inputs[0, :, 1].tolist()  # the marks
        [0.0, 1.0, 0.0, 0.0, 1.0, 0.0]
        >>> bool(np.isclose(targets[0, 0], inputs[0, 1, 0] + inputs[0, 4, 0]))
        True

    Args:
        rng: what to draw from.
        count: examples.
        delay: length of the sequences.

    Returns:
        `(count, delay, 2)`, numbers from 0 to 1 and marks; `(count, 1)`.

    Reference:
        Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997.
    """
    numbers = rng.uniform(size=(count, delay))
    marks = np.zeros((count, delay))
    rows = np.arange(count)
    marks[rows, rng.integers(0, delay // 2, count)] = 1
    marks[rows, rng.integers(delay // 2, delay, count)] = 1
    sums = (numbers * marks).sum(1, keepdims=True)
    return np.stack([numbers, marks], -1).astype("float32"), sums.astype("float32")


def copying(rng: Rng, count: int, delay: int) -> Batch:
    """`LENGTH` symbols, then so many blanks, then a sign to say the symbols again.

    Example:
        >>> inputs, targets = copying(np.random.default_rng(0), 1, 3)
        >>> inputs[0].argmax(-1).tolist(), targets[0].tolist()
        ([6, 5, 4, 2, 8, 8, 8, 9, 8, 8, 8], [6, 5, 4, 2])

    Args:
        rng: what to draw from.
        count: examples.
        delay: blanks between the symbols and the sign.

    Returns:
        One-hot `(count, 2 * LENGTH + delay, SYMBOLS + 2)`; the symbols `(count, LENGTH)`.

    Reference:
        Arjovsky, Shah and Bengio, "Unitary Evolution Recurrent Neural Networks", 2016.
    """
    symbols = rng.integers(0, SYMBOLS, (count, LENGTH))
    ids = np.full((count, 2 * LENGTH + delay), SYMBOLS)
    ids[:, :LENGTH] = symbols
    ids[:, LENGTH + delay] = SYMBOLS + 1
    return np.eye(SYMBOLS + 2, dtype="float32")[ids], symbols.astype("int32")


#: singular and plural of the nouns, and what may stand between a noun and its verb
NOUNS = (("cat", "cats"), ("key", "keys"), ("child", "children"), ("river", "rivers"), ("box", "boxes"))
LINKS = ("near", "behind", "beside", "above")
WORDS = ("the", *LINKS, *(word for pair in NOUNS for word in pair))


def agreeing(rng: Rng, count: int, delay: int) -> Batch:
    """`the cat near the boxes behind the rivers ...`: was or were? The first noun decides.

    The nouns between are singular or plural as chance has it, so that the nearest one is wrong half the time.

    Example:
        >>> inputs, targets = agreeing(np.random.default_rng(3), 1, 6)
        >>> " ".join(WORDS[word] for word in inputs[0].argmax(-1)), ("was", "were")[targets[0]]
        ('the box above the cat beside the cats', 'was')

    Args:
        rng: what to draw from.
        count: examples.
        delay: words between the noun and its verb, a multiple of three.

    Returns:
        One-hot `(count, 2 + delay, words)`; 0 for was, 1 for were, `(count,)`.

    Raises:
        UserError: the delay is no multiple of three.

    Reference:
        Linzen, Dupoux and Goldberg, "Assessing the Ability of LSTMs to Learn Syntax-Sensitive Dependencies",
        2016.
    """
    if delay % 3:
        raise UserError(f"`delay` of agreement must be a multiple of 3 (near the boxes ...), got {delay}")
    place = {word: n for n, word in enumerate(WORDS)}
    between = delay // 3
    nouns = rng.integers(0, len(NOUNS), (count, 1 + between))
    plural = rng.integers(0, 2, (count, 1 + between))
    ids = np.full((count, 2 + delay), place["the"])
    ids[:, 1::3] = place[NOUNS[0][0]] + 2 * nouns + plural
    ids[:, 2::3] = place[LINKS[0]] + rng.integers(0, len(LINKS), (count, between))
    return np.eye(len(WORDS), dtype="float32")[ids], plural[:, 0].astype("int32")


#: by name
TASKS = {
    "adding": MemoryTask("adding", adding, 1, "mean squared error", 1 / 6, 0.02),
    "copy": MemoryTask("copy", copying, SYMBOLS, "symbols right", 1 / SYMBOLS, 0.95, True, 1),
    "agreement": MemoryTask("agreement", agreeing, 2, "verbs right", 0.5, 0.95, least=3),
}
