"""A long text as parallel streams of token ids, cut into chunks for truncated BPTT."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from kseq.errors import UserError


def contiguous_streams(
    ids: np.ndarray,
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
        ids: integer array `(num_tokens,)`, at least `2 * batch_size` long.
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
    ids = np.asarray(ids)
    if ids.ndim != 1 or not np.issubdtype(ids.dtype, np.integer):
        raise ValueError(f"`ids` must be a vector of integers, got {ids.dtype} of shape {ids.shape}")
    chunks = num_chunks(len(ids), batch_size, time_steps)
    if len(ids) < 2 * batch_size:
        most = len(ids) // 2
        remedy = f"lower `batch_size` to at most {most} or give more text" if most else "give more text"
        raise UserError(
            f"the text is shorter than one batch: it has {len(ids)} tokens and "
            f"`batch_size={batch_size}` needs at least {2 * batch_size} (two a row); {remedy}"
        )

    ids = ids.astype(np.int32)
    before = np.concatenate([np.array([bos_id], np.int32), ids[:-1]])
    shape = (batch_size, chunks * time_steps)
    tokens, targets = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    weights = np.zeros(shape, np.float32)
    ends = np.cumsum([len(row) for row in np.array_split(ids, batch_size)])
    for row, (start, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
        tokens[row, : end - start] = before[start:end]
        targets[row, : end - start] = ids[start:end]
        weights[row, : end - start] = 1.0

    def by_chunk(laid_out: np.ndarray) -> np.ndarray:
        cut = laid_out.reshape(batch_size, chunks, time_steps)
        return np.ascontiguousarray(cut.swapaxes(0, 1))  # (chunks, batch, time)

    reset = np.zeros((chunks, batch_size), bool)
    reset[0] = True
    inputs = {"tokens": by_chunk(tokens), "reset": reset}
    batches = tf.data.Dataset.from_tensor_slices((inputs, by_chunk(targets), by_chunk(weights)))
    if repeat:
        batches = batches.repeat()
    return batches.prefetch(tf.data.AUTOTUNE)


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
