"""Write a sequence token by token: greedy or sampled, in one graph or as a stream."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import ops, tree

from kseq.decoding.sampling import choose, filter_log_probs
from kseq.errors import UserError

Tensor = Any
Step = Callable[[Tensor, Any], tuple[Tensor, Any]]


def generate(
    step: Step,
    log_probs: Tensor,
    states: Any,
    uniform: Tensor,
    *,
    temperature: Any = 1.0,
    top_k: Any = 0,
    top_p: Any = 1.0,
    banned: Any = (),
) -> Tensor:
    """Choose tokens one after the other, each fed back for the next.

        k(t) ~ filter(p(. | k(1) .. k(t-1)))         t = 1 .. length

    Everything happens in one loop of the graph, so the function can be traced, compiled and exported;
    the randomness comes in as an argument, and all options but `banned` may be scalar tensors.

    Args:
        step: `step(last_ids, states) -> (log_probs, states)`, ids int32 `(batch,)`.
        log_probs: `(batch, vocabulary)`, the distribution of the first token.
        states: nested structure of `(batch, ...)` tensors that go with `log_probs`.
        uniform: `(length, batch)` random numbers in [0, 1), as `random_numbers` gives; their number is
            the number of tokens.
        temperature: 0 takes the most probable token every time.
        top_k: sample from the k most probable tokens; 0 from all.
        top_p: sample from the smallest set of tokens that reaches this mass.
        banned: ids that are never chosen.

    Returns:
        int32 `(batch, length)`.

    Example:
        >>> import numpy as np
        >>> def step(last_ids, states):  # after k comes k + 1
        ...     return keras.ops.log(keras.ops.one_hot((last_ids + 1) % 4, 4) + 1e-9), states
        >>> first, states = step(np.array([1]), [])
        >>> ids = generate(step, first, states, random_numbers(5, 1, seed=0))
        >>> keras.ops.convert_to_numpy(ids).tolist()
        [[2, 3, 0, 1, 2]]
    """
    pick = _picker(temperature, top_k, top_p, banned)
    length, batch = ops.shape(uniform)[0], ops.shape(uniform)[1]

    def body(t: Tensor, log_probs: Tensor, states: Any, ids: Tensor) -> tuple:
        chosen = pick(log_probs, uniform[t])
        ids = ops.where(ops.arange(length) == t, ops.expand_dims(chosen, 1), ids)
        log_probs, new_states = step(chosen, states)
        return t + 1, log_probs, tree.pack_sequence_as(states, tree.flatten(new_states)), ids

    start = (0, log_probs, states, ops.zeros((batch, length), "int32"))
    return ops.while_loop(lambda t, *_: t < length, body, start)[3]


def stream(
    step: Step,
    log_probs: Tensor,
    states: Any,
    uniform: Tensor,
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    banned: Any = (),
) -> Iterator[list[int]]:
    """Like `generate`, token for token, but yields each step's tokens as soon as they are chosen.

    Yields:
        A list of ids, one per row.

    Raises:
        UserError: on an option out of its range.
    """
    check_options(temperature, top_k, top_p)
    pick = _picker(temperature, top_k, top_p, banned)
    for u in uniform:
        chosen = pick(log_probs, u)
        yield [int(i) for i in chosen]
        log_probs, states = step(chosen, states)


def random_numbers(length: int, batch_size: int, seed: int | None = None) -> Tensor:
    """Random numbers in [0, 1) for `generate` and `stream`, float32 `(length, batch_size)`."""
    return keras.random.uniform((length, batch_size), seed=seed)


def check_options(temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> None:
    """Raise a `UserError` that names the first option out of its range."""
    if not temperature >= 0:
        raise UserError(f"`temperature` must be 0 (greedy) or more, got {temperature}")
    if not top_k >= 0:
        raise UserError(f"`top_k` must be 0 (all tokens) or more, got {top_k}")
    if not 0 < top_p <= 1:
        raise UserError(f"`top_p` must be above 0 and at most 1, got {top_p}")


def _picker(temperature: Any, top_k: Any, top_p: Any, banned: Any) -> Callable[[Tensor, Tensor], Tensor]:
    greedy = ops.equal(ops.cast(temperature, "float32"), 0.0)
    options = {
        "temperature": ops.where(greedy, 1.0, ops.cast(temperature, "float32")),
        "top_k": ops.where(greedy, 1, ops.cast(top_k, "int32")),
        "top_p": ops.cast(top_p, "float32"),
        "banned": banned,
    }
    return lambda log_probs, u: choose(filter_log_probs(log_probs, **options), u)
