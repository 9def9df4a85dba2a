"""A long text as parallel streams of token ids, cut into chunks for truncated BPTT."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from kseq.data.stored import StoredIds
from kseq.errors import UserError


def contiguous_streams(
    ids: np.ndarray | StoredIds,
    batch_size: int,
    time_steps: int,
    bos_id: int,
    repeat: bool = False,
) -> tf.data.Dataset:
    """Lays a text out as contiguous streams, one a row, and cuts them into chunks of time.

    Row `r` of every batch reads the `r`-th part of the text, chunk after chunk, so the recurrent
    state that a chunk ends in is the state that the next one starts from. The text `10 11 12 ...
    19` with `batch_size=2, time_steps=3, bos_id=2` becomes two batches::

        row 0 reads      10 11 12 13 14        row 1 reads      15 16 17 18 19

                     first batch                   second batch
        tokens       [[ 2 10 11]                   [[12 13  0]
                      [14 15 16]]                   [17 18  0]]
        reset        [True True]                   [False False]
        targets      [[10 11 12]                   [[13 14  0]
                      [15 16 17]]                   [18 19  0]]
        weights      [[ 1  1  1]                   [[ 1  1  0]
                      [ 1  1  1]]                   [ 1  1  0]]

    Nothing is dropped and nothing is read twice: every id is a target exactly once, so `weights`
    sums to `len(ids)` and a mean weighted by it is over the tokens of the text. Rows differ in
    length by at most one token. With `batch_size=1` the loss is the exact loss of the text; with
    more rows, every row but the first starts from the reset state and knows only the one token
    before it.

    Args:
        ids: integer array `(num_tokens,)`, at least `2 * batch_size` long; or ids on disk, which are
            read chunk by chunk.
        batch_size: number of parallel streams, the rows of a batch.
        time_steps: tokens per row and batch: how far the gradient goes back.
        bos_id: the id that comes before the first one of the text.
        repeat: whether the dataset starts over for ever; `reset` is True again where it does.

    Returns:
        Dataset of `({"tokens", "reset"}, targets, weights)`: int32 `(batch_size, time_steps)`, bool
        `(batch_size,)`, int32 and float32 `(batch_size, time_steps)`. Padding has id 0
        and weight 0.

    Raises:
        UserError: when the text is shorter than two tokens a row.

    Example:
        >>> import numpy as np
        >>> batches = contiguous_streams(np.arange(10, 20), batch_size=2, time_steps=3, bos_id=2)
        >>> inputs, targets, weights = next(iter(batches))
        >>> inputs["tokens"].numpy().tolist()
        [[2, 10, 11], [14, 15, 16]]
        >>> len(batches)
        2

    Reference: Williams and Peng, "An efficient gradient-based algorithm for on-line training of
    recurrent network trajectories", 1990.
    """
    stored = isinstance(ids, StoredIds)
    ids = ids if stored else np.asarray(ids)
    if not stored and (ids.ndim != 1 or not np.issubdtype(ids.dtype, np.integer)):
        raise ValueError(f"`ids` must be a vector of integers, got {ids.dtype} of shape {ids.shape}")
    chunks = num_chunks(len(ids), batch_size, time_steps)
    if len(ids) < 2 * batch_size:
        most = len(ids) // 2
        remedy = f"lower `batch_size` to at most {most} or give more text" if most else "give more text"
        raise UserError(
            f"the text is shorter than one batch: it has {len(ids)} tokens and "
            f"`batch_size={batch_size}` needs at least {2 * batch_size} (two a row); {remedy}"
        )

    sizes = [len(ids) // batch_size + (row < len(ids) % batch_size) for row in range(batch_size)]
    rows = _Rows(ids, sizes, bos_id)
    if stored:
        batches = tf.data.Dataset.range(chunks).map(lambda n: _read(rows, n, time_steps))
    else:
        cut = [rows.chunk(n, time_steps) for n in range(chunks)]
        tokens, reset, targets, weights = map(np.stack, zip(*cut, strict=True))  # (chunks, batch, time)
        inputs = {"tokens": tokens, "reset": reset}
        batches = tf.data.Dataset.from_tensor_slices((inputs, targets, weights))
    if repeat:
        batches = batches.repeat()
    return batches.prefetch(tf.data.AUTOTUNE)


class _Rows:
    """The streams of a text, one after the other in it."""

    def __init__(self, ids: np.ndarray | StoredIds, sizes: Sequence[int], bos_id: int):
        self.ids, self.sizes, self.bos_id = ids, sizes, bos_id
        self.starts = np.cumsum([0, *sizes[:-1]])

    def chunk(self, n: int, time_steps: int) -> tuple[np.ndarray, ...]:
        """Tokens, reset, targets and weights of a chunk of time."""
        shape = (len(self.sizes), time_steps)
        tokens, targets = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
        weights = np.zeros(shape, np.float32)
        for row, (start, size) in enumerate(zip(self.starts, self.sizes, strict=True)):
            first, behind = start + n * time_steps, start + min(size, (n + 1) * time_steps)
            if first >= behind:
                continue
            found = self.ids[max(first - 1, 0) : behind]
            before = found[:-1] if first else np.concatenate([[self.bos_id], found[:-1]])
            targets[row, : behind - first] = found[len(found) - (behind - first) :]
            tokens[row, : behind - first] = before
            weights[row, : behind - first] = 1.0
        return tokens, np.full(shape[0], n == 0), targets, weights


def _read(rows: _Rows, n: tf.Tensor, time_steps: int) -> tuple:
    kinds = (tf.int32, tf.bool, tf.int32, tf.float32)
    found = tf.numpy_function(lambda n: rows.chunk(int(n), time_steps), [n], kinds)
    for tensor, rank in zip(found, (2, 1, 2, 2), strict=True):
        tensor.set_shape((len(rows.sizes), time_steps)[:rank])
    tokens, reset, targets, weights = found
    return {"tokens": tokens, "reset": reset}, targets, weights


def num_chunks(num_tokens: int, batch_size: int, time_steps: int) -> int:
    """Number of batches that `contiguous_streams` makes of a text, once through.

    Args:
        num_tokens: length of the text in tokens.
        batch_size: number of parallel streams.
        time_steps: tokens per row and batch.

    Returns:
        `ceil(ceil(num_tokens / batch_size) / time_steps)`: the longest row decides.

    Example:
        >>> num_chunks(10, batch_size=2, time_steps=3)
        2
    """
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be positive, got {batch_size}")
    if time_steps < 1:
        raise ValueError(f"`time_steps` must be positive, got {time_steps}")
    longest_row = -(-num_tokens // batch_size)
    return -(-longest_row // time_steps)
