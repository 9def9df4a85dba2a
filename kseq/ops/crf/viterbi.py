"""The best tag sequences."""

from typing import Any

from keras import ops

from kseq.errors import positive
from kseq.ops.argmax import first_maximum
from kseq.ops.crf.scores import Scores, chain
from kseq.ops.loops import scan
from kseq.ops.plan import make_plan

Tensor = Any
IMPOSSIBLE = -1e9  # below every path, forbidden transitions and all


def viterbi(scores: Scores) -> tuple[Tensor, Tensor]:
    """The tag sequence of the highest score.

        best(t)[j] = max_i (best(t-1)[i] + transitions[i, j]) + emissions(t)[j]

    Args:
        scores: of a batch.

    Returns:
        `(tags, score)`: int32 `(batch, time)`, 0 at masked tokens, and `(batch,)`.

    Reference:
        Viterbi, "Error Bounds for Convolutional Codes", 1967.
    """
    return _program(scores, _viterbi)(scores)


def k_best(scores: Scores, k: int) -> tuple[Tensor, Tensor]:
    """The `k` tag sequences of the highest scores, best first.

    Args:
        scores: of a batch.
        k: how many.

    Returns:
        `(tags, scores)`: int32 `(batch, k, time)`, 0 at masked tokens, and `(batch, k)`; where a row has
        fewer than `k` tag sequences the scores of the rest are minus infinity.

    Raises:
        UserError: `k` is not positive.

    Reference:
        Seshadri and Sundberg, "List Viterbi Decoding Algorithms with Applications", 1994.
    """
    positive("k", k)
    return _program(scores, lambda scores: _k_best(scores, k))(scores)


def _program(scores: Scores, function: Any) -> Any:
    shape = scores.emissions.shape
    return make_plan(shape, shape[-1], False, training=False).program(function)


def _viterbi(scores: Scores) -> tuple[Tensor, Tensor]:
    steps = chain(scores)
    into = ops.transpose(steps.transitions)  # into[j, i]: so that the maximum is over the last axis

    def forwards(best: Tensor, now: list[Tensor]) -> tuple[Tensor, tuple]:
        emissions, first, real = now
        moved = ops.max(best[:, None, :] + into, axis=-1)
        new = ops.where(first, steps.start, moved) + emissions
        top = ops.max(new, axis=-1, keepdims=True)  # taken off, so that long sequences stay exact
        best = ops.where(real, new - top, best)
        return best, (best, ops.where(real, top, ops.zeros_like(top)))

    best = ops.zeros_like(steps.emissions[0])
    xs = [steps.emissions, steps.first, steps.real]
    final, (history, tops) = scan(forwards, best, xs, [best, best[:, :1]])

    def backwards(after: Tensor, now: list[Tensor]) -> tuple[Tensor, tuple]:
        best, last, real = now
        # the pointer back is found for the tag that was chosen only
        tag = first_maximum(best + ops.where(last, steps.end, ops.take(into, after, axis=0)))
        shown = ops.where(real[:, 0], tag, 0)
        return ops.where(real[:, 0], tag, after), (ops.cast(shown, "float32"),)

    none = ops.cast(ops.zeros_like(best[:, 0]), "int32")
    xs = [history, steps.last, steps.real]
    _, (tags,) = scan(backwards, none, xs, [best[:, 0]], reverse=True)
    total = ops.sum(tops, axis=(0, 2)) + ops.max(final + steps.end, axis=-1)
    total = ops.where(ops.any(steps.real, axis=(0, 2)), total, ops.zeros_like(total))
    # as floats until here: TensorFlow's oneDNN kernels write an error line when they transpose integers
    return ops.cast(ops.swapaxes(tags, 0, 1), "int32"), total


def _k_best(scores: Scores, k: int) -> tuple[Tensor, Tensor]:
    steps = chain(scores)
    tags = steps.transitions.shape[0]
    into = ops.reshape(ops.transpose(steps.transitions), (tags, tags, 1))
    alone = ops.concatenate([ops.zeros((1,)), ops.full((k - 1,), IMPOSSIBLE)])  # one path to begin with

    def forwards(best: Tensor, now: list[Tensor]) -> tuple[Tensor, tuple]:
        emissions, first, real = now
        moved = ops.reshape(best[:, None] + into, (-1, tags, tags * k))
        moved, pointer = ops.top_k(moved, k)  # (batch, tags, k)
        moved = ops.where(first[..., None], steps.start[:, None] + alone, moved)
        new = moved + emissions[..., None]
        top = ops.max(new, axis=(1, 2), keepdims=True)
        best = ops.where(real[..., None], new - top, best)
        return best, (ops.cast(pointer, "int32"), ops.where(real, top[:, 0], ops.zeros_like(top[:, 0])))

    best = ops.zeros_like(steps.emissions[0])[..., None] + alone
    xs = [steps.emissions, steps.first, steps.real]
    like = [ops.cast(best, "int32"), best[:, 0, :1]]
    best, (pointers, tops) = scan(forwards, best, xs, like)
    ended = ops.reshape(best + steps.end[:, None], (-1, tags * k))
    totals, place = ops.top_k(ended, k)

    def backwards(place: Tensor, now: list[Tensor]) -> tuple[Tensor, tuple]:
        pointer, first, real = now
        shown = ops.cast(ops.where(real, place // k, 0), "float32")
        before = ops.take_along_axis(ops.reshape(pointer, (-1, tags * k)), place, axis=1)
        return ops.where(ops.logical_and(real, ops.logical_not(first)), before, place), (shown,)

    place = ops.cast(place, "int32")  # (batch, k): tag * k + rank
    _, (found,) = scan(backwards, place, [pointers, steps.first, steps.real], [totals], reverse=True)
    real = ops.any(steps.real, axis=(0, 2))[:, None]
    totals = ops.where(real, totals + ops.sum(tops, axis=0), alone)
    totals = ops.where(totals > 0.5 * IMPOSSIBLE, totals, -float("inf"))
    return ops.cast(ops.transpose(found, (1, 2, 0)), "int32"), totals
