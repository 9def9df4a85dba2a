"""Write a sequence token by token: greedy or sampled, in one graph or as a stream."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
from keras import ops

from kseq.decoding.constraints import Constraint, constrained
from kseq.decoding.sampling import check_options, choose, filter_log_probs
from kseq.decoding.step import PAD_ID, Step, Tensor, known, like, written
from kseq.errors import UserError, positive
from kseq.ops.argmax import first_maximum


def generate(
    step: Step,
    start_ids: Tensor,
    states: Any,
    uniform: Tensor | None = None,
    *,
    length: Any = None,
    temperature: Any = 1.0,
    top_k: Any = 0,
    top_p: Any = 1.0,
    min_p: Any = 0.0,
    eos_id: int | None = None,
    constraints: Sequence[Constraint] = (),
) -> Tensor:
    """Choose tokens one after the other, each fed back for the next.

        k(t) ~ filter(p(. | k(0) .. k(t-1)))         t = 1 .. length, k(0) = start_ids

    Everything happens in one loop of the graph, so the function can be traced, compiled and exported;
    the randomness comes in as an argument, and all options but `eos_id` may be scalar tensors. Without
    random numbers every token is the most probable one.

    Args:
        step: `step(last_ids, states) -> (log_probs, states)`, ids int32 `(batch,)`, log_probs
            `(batch, vocabulary)`.
        start_ids: int32 `(batch,)`, the first ids fed; not part of the result.
        states: nested structure of `(batch, ...)` tensors, the states before `start_ids`.
        uniform: `(length, batch)` random numbers in [0, 1), as `random_numbers` gives; their number is
            the number of tokens. None: greedy.
        length: the number of tokens where there are no random numbers.
        temperature: 0 takes the most probable token every time.
        top_k: sample from the k most probable tokens; 0 from all.
        top_p: sample from the smallest set of tokens that reaches this mass.
        min_p: sample from tokens with at least this share of the largest probability.
        eos_id: a row that has written this id goes on with padding (0), and when all rows have the loop
            ends; None: every row writes `length` tokens.
        constraints: of `kseq.decoding.constraints`, applied in this order before anything is chosen.

    Returns:
        int32 `(batch, length)`.

    Raises:
        UserError: on an option out of its range.

    Example:
        >>> import numpy as np
        >>> def step(last_ids, states):  # after k comes k + 1
        ...     return keras.ops.log(keras.ops.one_hot((last_ids + 1) % 4, 4) + 1e-9), states
        >>> keras.ops.convert_to_numpy(generate(step, np.array([1], "int32"), [], length=5)).tolist()
        [[2, 3, 0, 1, 2]]
    """
    filters = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p}
    write, start, length = _writer(step, start_ids, states, uniform, length, eos_id, constraints, **filters)

    def more(t: Tensor, last_ids: Tensor, states: Any, ids: Tensor, ended: Tensor) -> Tensor:
        unread = t < length
        return unread if eos_id is None else ops.logical_and(unread, ops.logical_not(ops.all(ended)))

    return ops.while_loop(more, write, start)[3]


def stream(
    step: Step,
    start_ids: Tensor,
    states: Any,
    uniform: Tensor | None = None,
    *,
    length: int | None = None,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.0,
    eos_id: int | None = None,
    constraints: Sequence[Constraint] = (),
) -> Iterator[list[int]]:
    """Like `generate`, token for token, but yields each step's tokens as soon as they are chosen.

    Stops when every row has written `eos_id`.

    Yields:
        A list of ids, one per row.

    Raises:
        UserError: on an option out of its range.
    """
    filters = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p}
    write, now, length = _writer(step, start_ids, states, uniform, length, eos_id, constraints, **filters)
    for _ in range(int(length)):
        now = write(*now)
        yield [int(i) for i in now[1]]
        if eos_id is not None and bool(ops.all(now[-1])):
            return


def random_numbers(length: int, batch_size: int, seed: int | None = None) -> Tensor:
    """Random numbers in [0, 1) for `generate` and `stream`, float32 `(length, batch_size)`."""
    return keras.random.uniform((length, batch_size), seed=seed)


def _writer(
    step: Step,
    start_ids: Tensor,
    states: Any,
    uniform: Tensor | None,
    length: Any,
    eos_id: int | None,
    constraints: Sequence[Constraint],
    **filters: Any,
) -> tuple[Callable[..., tuple], tuple, Any]:
    """What writes one token, what it starts from, and how many there are."""
    check_options(**filters)
    if (uniform is None) == (length is None):
        both = "neither" if length is None else "both"
        raise UserError(f"`uniform` (to sample) or `length` (greedy) must be given, got {both}")
    if uniform is not None:
        uniform = ops.convert_to_tensor(uniform)
        length = ops.shape(uniform)[0]
    elif known(length):
        positive("length", length)
    pick = _picker(uniform, **filters)

    def write(t: Tensor, last_ids: Tensor, states: Any, ids: Tensor, ended: Tensor) -> tuple:
        log_probs, new_states = step(last_ids, states)
        chosen = pick(constrained(log_probs, ids, t, constraints), t)
        if eos_id is not None:
            chosen = ops.where(ended, PAD_ID, chosen)
            ended = ops.logical_or(ended, ops.equal(chosen, eos_id))
        chosen = ops.reshape(chosen, ops.shape(last_ids))
        return t + 1, chosen, like(new_states, states), written(ids, t, chosen), ended

    last_ids = ops.cast(start_ids, "int32")
    batch = ops.shape(last_ids)[0]
    start = (
        ops.zeros((), "int32"),
        last_ids,
        states,
        ops.zeros((batch, length), "int32"),
        ops.zeros_like(last_ids, "bool"),
    )
    return write, start, length


def _picker(uniform: Tensor | None, temperature: Any, **filters: Any) -> Callable[[Tensor, Tensor], Tensor]:
    """The function from log-probabilities at a position to ids."""

    def likeliest(log_probs: Tensor, t: Tensor) -> Tensor:
        return first_maximum(log_probs)

    if uniform is None or (known(temperature) and temperature == 0):
        return likeliest

    def sampled(log_probs: Tensor, t: Tensor, temperature: Any = temperature) -> Tensor:
        return choose(filter_log_probs(log_probs, temperature=temperature, **filters), uniform[t])

    if known(temperature):
        return sampled
    temperature = ops.cast(temperature, "float32")
    greedy = ops.equal(temperature, 0.0)
    safe = ops.where(greedy, 1.0, temperature)
    return lambda log_probs, t: ops.cond(
        greedy, lambda: likeliest(log_probs, t), lambda: sampled(log_probs, t, safe)
    )
