"""The count-based language model that a recurrent one has to beat."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kseq.errors import UserError

# Where a text has too few rare n-grams to estimate discounts from (KenLM uses the same values).
FALLBACK_DISCOUNT = 0.5
FALLBACK_MODIFIED_DISCOUNTS = (0.5, 1.0, 1.5)


class _Level(NamedTuple):
    """The n-grams of one length, sorted by `context * vocab_size + token`.

    `context` is the rank of the n-gram's leading tokens in the level below, so a key fits int64 for
    any order and all continuations of a context lie side by side.
    """

    keys: np.ndarray  # (ngrams,) int64
    shares: np.ndarray  # (ngrams,) (count - discount) / total of the context
    backoffs: np.ndarray  # (ngrams of the level below,) mass left for shorter contexts


class NGramModel:
    r"""Interpolated Kneser-Ney language model over integer token ids.

    With `h` the `k - 1` tokens before `w`, and `h'` the same without the first:

        p_k(w | h) = (c_k(h w) - D_k(c_k(h w))) / c_k(h .) + b_k(h) p_{k-1}(w | h')
        b_k(h)     = sum_w D_k(c_k(h w)) / c_k(h .)
        p_0(w)     = 1 / (ids that may be emitted)

    where `c_k(h .)` sums over `w` and `D_k(0) = 0`. A context never seen has
    `p_k(w | h) = p_{k-1}(w | h')`. At the highest order `c` counts occurrences. Below it counts the
    *different* tokens seen to the left of an n-gram ("Francisco" is frequent but follows one word
    only, so it is an unlikely guess elsewhere); the start of the text is one such left neighbour.

    One discount per order, `n_i` being the number of n-grams with count `i`:

        D = Y = n_1 / (n_1 + 2 n_2)

    `modified=True` takes three, for counts 1, 2 and 3 or more:

        D_1 = 1 - 2 Y n_2 / n_1,    D_2 = 2 - 3 Y n_3 / n_2,    D_3+ = 3 - 4 Y n_4 / n_3

    An order whose `n_i` leave these undefined or out of `0 < D_i < i` (short texts; the few
    different single characters of any text) takes 0.5, or 0.5, 1 and 1.5. Every discount is
    therefore positive, and no id that may be emitted has probability zero.

    Args:
        order: Tokens in the longest n-gram: each is predicted from up to `order - 1` before it.
        discount: One discount for all orders, `0 < discount < 1`, in place of the estimates.
        modified: Three estimated discounts per order instead of one.

    Attributes:
        discounts: One tuple `(D_1, D_2, D_3+)` per order, lowest first; available after `fit`.

    Raises:
        UserError: An argument is out of range, or `discount` is given together with `modified`.

    Example:
        >>> import numpy as np
        >>> model = NGramModel(order=2).fit([1, 2, 1, 2, 1, 3], vocab_size=4)
        >>> np.exp(model.next_log_probs([1])).round(3).tolist()
        [0.0, 0.067, 0.633, 0.3]

    Reference: Kneser and Ney 1995, "Improved backing-off for m-gram language modeling"; Chen and
    Goodman 1998, "An empirical study of smoothing techniques for language modeling" (interpolation
    and the modified discounts).
    """

    def __init__(self, order: int = 5, discount: float | None = None, *, modified: bool = False) -> None:
        if isinstance(order, bool) or not isinstance(order, (int, np.integer)) or order < 1:
            raise UserError(f"`order` must be a positive integer, got {order!r}")
        if discount is not None and modified:
            raise UserError("`discount` fixes the plain model's one discount: leave out `modified`")
        if discount is not None and not 0 < discount < 1:
            raise UserError(f"`discount` must be between 0 and 1, got {discount!r}")
        self.order = int(order)
        self.discount = discount
        self.modified = bool(modified)
        self.vocab_size = 0
        self.discounts: list[tuple[float, float, float]] = []
        self._levels: list[_Level] = []
        self._uniform = np.zeros(0)

    def fit(self, ids: npt.ArrayLike, vocab_size: int, excluded: Iterable[int] = (0,)) -> NGramModel:
        """Counts the n-grams of one text, forgetting any text fitted before.

        Args:
            ids: The text, integers of shape `(n,)` below `vocab_size`, at least `order` of them.
            vocab_size: Number of ids there are, excluded ones included.
            excluded: Ids that are never emitted (padding, start of text) and so get no probability.

        Returns:
            The model itself.

        Raises:
            UserError: `ids` is too short, out of range or contains an excluded id; or every id
                is excluded.
        """
        uniform = _uniform(vocab_size, excluded)
        ids = _checked(ids, "ids", len(uniform))
        if len(ids) < self.order:
            raise UserError(f"`ids` must hold at least `order` = {self.order} tokens, got {len(ids)}")
        forbidden = ids[uniform[ids] == 0]
        if len(forbidden):
            raise UserError(
                f"`ids` contains {forbidden[0]}, which `excluded` says is never emitted: "
                "remove it from one of them"
            )
        self.vocab_size, self._uniform = len(uniform), uniform
        self.discounts, self._levels = [], []
        contexts = 1  # the empty one
        for keys, counts in _count(ids, self.order, self.vocab_size):
            discounts = self._discounts(counts)
            self.discounts.append(discounts)
            self._levels.append(_smoothed(keys, counts, keys // self.vocab_size, contexts, discounts))
            contexts = len(keys)
        return self

    def log_probs(self, ids: npt.ArrayLike, context: npt.ArrayLike | None = None) -> np.ndarray:
        """Scores every token of a text given the tokens before it.

        Args:
            ids: Integers of shape `(n,)`. The first `order - 1` see shorter contexts, unless:
            context: Integers of shape `(m,)`, the tokens before `ids`.

        Returns:
            Natural logarithms, float64 of shape `(n,)`; `-inf` for an excluded id.

        Raises:
            UserError: An id is out of range.
            RuntimeError: The model is not fitted.
        """
        context = self._context(context)
        tokens = np.concatenate([context, _checked(ids, "ids", self.vocab_size)])
        probs = self._uniform[tokens]
        contexts = np.zeros(len(tokens), np.int64)
        for level in self._levels:
            ranks = self._find(level, contexts, tokens)
            shares = np.where(ranks >= 0, level.shares[ranks], 0.0)
            probs = shares + np.where(contexts >= 0, level.backoffs[contexts], 1.0) * probs
            contexts = _shifted(ranks)
        with np.errstate(divide="ignore"):
            return np.log(probs[len(context) :])

    def next_log_probs(self, context: npt.ArrayLike) -> np.ndarray:
        """The distribution of the token after `context`.

        Args:
            context: Integers of shape `(m,)`, possibly none.

        Returns:
            Natural logarithms, float64 of shape `(vocab_size,)`; `-inf` for excluded ids.

        Raises:
            UserError: An id is out of range.
            RuntimeError: The model is not fitted.
        """
        tokens = self._context(context)
        probs = self._uniform.copy()
        contexts = np.zeros(len(tokens) + 1, np.int64)  # entry i: what precedes token i
        for level in self._levels:
            last = contexts[-1]
            if last < 0:  # then no longer context was seen either
                break
            first = last * self.vocab_size
            start, stop = np.searchsorted(level.keys, [first, first + self.vocab_size])
            probs *= level.backoffs[last]
            probs[level.keys[start:stop] - first] += level.shares[start:stop]
            contexts = np.append(-1, self._find(level, contexts[:-1], tokens))
        with np.errstate(divide="ignore"):
            return np.log(probs)

    def perplexity(self, ids: npt.ArrayLike, context: npt.ArrayLike | None = None) -> float:
        """`exp` of the mean negative log-probability per token; arguments as for `log_probs`.

        Raises:
            UserError: `ids` is empty or an id is out of range.
            RuntimeError: The model is not fitted.
        """
        log_probs = self.log_probs(ids, context)
        if not len(log_probs):
            raise UserError("`ids` must hold at least one token to have a perplexity, got none")
        return float(np.exp(-log_probs.mean()))

    @property
    def num_parameters(self) -> int:
        """Number of n-grams stored, all orders together."""
        return sum(len(level.keys) for level in self._levels)

    def _discounts(self, counts: np.ndarray) -> tuple[float, float, float]:
        if self.discount is not None:
            return (self.discount,) * 3
        _, n1, n2, n3, n4 = (int(n) for n in np.bincount(np.minimum(counts, 5), minlength=6)[:5])
        if not self.modified:
            return (n1 / (n1 + 2 * n2) if n1 and n2 else FALLBACK_DISCOUNT,) * 3
        if n1 and n2 and n3 and n4:
            y = n1 / (n1 + 2 * n2)
            estimates = 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3
            if all(0 < discount < i for i, discount in enumerate(estimates, start=1)):
                return estimates
        return FALLBACK_MODIFIED_DISCOUNTS

    def _context(self, context: npt.ArrayLike | None) -> np.ndarray:
        if not self._levels:
            raise RuntimeError("The model knows no text yet: call `fit` first")
        context = _checked([] if context is None else context, "context", self.vocab_size)
        return context[max(0, len(context) - self.order + 1) :]

    def _find(self, level: _Level, contexts: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Ranks of the n-grams in a level, -1 for those not there."""
        wanted = contexts * self.vocab_size + tokens  # negative, hence not found, for context -1
        ranks = np.minimum(np.searchsorted(level.keys, wanted), len(level.keys) - 1)
        return np.where(level.keys[ranks] == wanted, ranks, -1)


def _count(ids: np.ndarray, order: int, vocab_size: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Keys and Kneser-Ney counts of the n-grams of each length, shortest first."""
    levels: list[tuple[np.ndarray, np.ndarray]] = []
    contexts = np.zeros(len(ids), np.int64)
    below = contexts
    for length in range(order):
        keys, ranks, counts = np.unique(
            contexts * vocab_size + ids[length:], return_inverse=True, return_counts=True
        )
        if levels:
            suffixes = np.empty(len(keys), np.int64)  # every n-gram without its first token
            suffixes[ranks] = below[1:]
            continuations = np.bincount(suffixes, minlength=len(levels[-1][0]))
            continuations[below[0]] += 1  # the start of the text
            levels[-1] = levels[-1][0], continuations
        levels.append((keys, counts))
        below, contexts = ranks, ranks[:-1]
    return levels


def _smoothed(
    keys: np.ndarray,
    counts: np.ndarray,
    contexts: np.ndarray,
    num_contexts: int,
    discounts: tuple[float, float, float],
) -> _Level:
    cuts = np.array([0.0, *discounts])[np.minimum(counts, 3)]
    totals = np.bincount(contexts, counts, minlength=num_contexts)
    freed = np.bincount(contexts, cuts, minlength=num_contexts)
    # The end of the text may be a context that nothing follows: all its mass goes down.
    backoffs = np.divide(freed, totals, out=np.ones(num_contexts), where=totals > 0)
    return _Level(keys, (counts - cuts) / totals[contexts], backoffs)


def _shifted(ranks: np.ndarray) -> np.ndarray:
    """What precedes each position, given the ranks of what ends there."""
    return np.append(-1, ranks[:-1])[: len(ranks)]


def _uniform(vocab_size: int, excluded: Iterable[int]) -> np.ndarray:
    if vocab_size < 1:
        raise UserError(f"`vocab_size` must be positive, got {vocab_size}")
    excluded = _checked(list(excluded), "excluded", vocab_size)
    allowed = np.ones(vocab_size)
    allowed[excluded] = 0
    if not allowed.any():
        raise UserError("`excluded` must leave at least one id that can be emitted")
    return allowed / allowed.sum()


def _checked(ids: npt.ArrayLike, name: str, vocab_size: int) -> np.ndarray:
    ids = np.asarray(ids)
    if ids.ndim != 1 or (ids.size and ids.dtype.kind not in "iu"):
        raise UserError(f"`{name}` must be integers of shape (n,), got {ids.dtype} of shape {ids.shape}")
    wrong = ids[(ids < 0) | (ids >= vocab_size)]
    if wrong.size:
        raise UserError(f"`{name}` must lie in 0 .. vocab_size - 1 = {vocab_size - 1}, got {wrong[0]}")
    return ids.astype(np.int64)
