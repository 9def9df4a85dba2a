"""Beam search."""

from collections.abc import Sequence
from typing import Any

from keras import ops

from kseq.decoding.constraints import Constraint
from kseq.decoding.penalties import Coverage, LengthPenalty, log_probability
from kseq.decoding.pool import Hypotheses
from kseq.decoding.search import Search
from kseq.decoding.step import Step, Tensor, known
from kseq.errors import UserError, not_negative, positive


def beam_search(
    step: Step,
    start_ids: Tensor,
    states: Any,
    *,
    beam_size: Any,
    length: Any,
    eos_id: int | None = None,
    num_results: Any = 1,
    length_penalty: LengthPenalty = log_probability,
    coverage: Coverage | None = None,
    constraints: Sequence[Constraint] = (),
    num_groups: int = 1,
    diversity: Any = 0.0,
    uniform: Any = None,
    early_stop: bool = True,
) -> Hypotheses:
    """The sequences of highest score that a search of limited breadth finds.

        score(y) = length_penalty(log p(y), |y|) + coverage(y)

    At every step each of the `beam_size` best beginnings is continued by every id. Of the best
    `beam_size` continuations those that end go into a pool of the `num_results` best finished sequences,
    where they stay until better ones come; the best that do not end are the next beginnings, always
    `beam_size` of them. Beginnings, all of one length, are compared by log-probability, finished
    sequences by score. What has `length` tokens is finished too. The search ends when no beginning can
    get into the pool any more, and finds what it would find if it went on.

    Args:
        step: `step(last_ids, states) -> (log_probs, states)` on `batch * beam_size` rows, the beams of an
            entry side by side; what they share may stay outside of the states. No log-probability may be
            positive.
        start_ids: int32 `(batch,)`, the first ids fed; not part of the results.
        states: nested structure of `(batch, ...)` tensors, the states before `start_ids`.
        beam_size: number of beginnings. In a graph of TensorFlow that XLA does not compile it may be a
            scalar tensor.
        length: the longest sequence, in tokens.
        eos_id: the id that ends a sequence; None: all have `length` tokens.
        num_results: how many sequences to return, at most `beam_size`.
        length_penalty: of `kseq.decoding.penalties`, or any such function.
        coverage: None scores without it.
        constraints: of `kseq.decoding.constraints`, applied in this order to the log-probabilities.
        num_groups: above 1 diverse beam search, see `kseq.decoding.groups`: so many groups of
            `beam_size / num_groups` beams. Their results are put together and may coincide.
        diversity: its strength, in nats for each beam that says the same.
        uniform: stochastic beam search, see `kseq.decoding.stochastic`: random numbers in [0, 1)
            `(length, batch, beam_size, vocabulary)`, or a function from the position to its
            `(batch, beam_size, vocabulary)`. Scores are the perturbed log-probabilities.
        early_stop: False goes on to `length` in any case.

    Returns:
        `num_results` sequences for each entry of the batch.

    Raises:
        UserError: on an option out of its range, or options that do not go together.

    Example:
        >>> import numpy as np
        >>> table = np.log([[0.1, 0.1, 0.8], [0.1, 0.5, 0.4], [0.6, 0.1, 0.3]]).astype("float32")
        >>> def step(last_ids, states):
        ...     return ops.take(table, last_ids, axis=0), states
        >>> found = beam_search(step, np.array([1]), [], beam_size=2, length=3, eos_id=0, num_results=2)
        >>> ops.convert_to_numpy(found.ids).tolist(), ops.convert_to_numpy(found.lengths).tolist()
        ([[[2, 0, 0], [1, 1, 1]]], [[2, 3]])
        >>> np.exp(ops.convert_to_numpy(found.log_probs)).round(3)
        array([[0.24 , 0.125]], dtype=float32)

    Reference:
        Graves, "Sequence Transduction with Recurrent Neural Networks", 2012; Wu et al., "Google's Neural
        Machine Translation System", 2016.
    """
    _check(beam_size, length, num_results, num_groups, diversity)
    if uniform is not None and (length_penalty is not log_probability or coverage or num_groups > 1):
        raise UserError(
            "`uniform` (stochastic beam search) must stand alone, got it with `length_penalty`, `coverage` "
            "or `num_groups`"
        )
    if uniform is not None and not callable(uniform):
        uniform = ops.convert_to_tensor(uniform).__getitem__
    search = Search(
        step,
        beam_size,
        length,
        eos_id,
        num_results,
        length_penalty,
        coverage,
        tuple(constraints),
        num_groups,
        diversity,
        uniform,
        early_stop,
    )
    return search.result(*ops.while_loop(search.more, search.advance, search.start(start_ids, states)))


def _check(beam_size: Any, length: Any, num_results: Any, num_groups: int, diversity: Any) -> None:
    """What is known now must make sense; tensors pass."""
    numbers = {"beam_size": beam_size, "length": length, "num_results": num_results}
    numbers = {name: value for name, value in numbers.items() if known(value)}
    for name, value in {**numbers, "num_groups": num_groups}.items():
        positive(name, value)
    if known(diversity):
        not_negative("diversity", diversity)
    if "beam_size" in numbers and "num_results" in numbers and num_results > beam_size:
        raise UserError(f"`num_results` must be at most `beam_size`, {beam_size}, got {num_results}")
    if "beam_size" in numbers and beam_size % num_groups:
        raise UserError(f"`beam_size` must be a multiple of `num_groups`, {num_groups}, got {beam_size}")
