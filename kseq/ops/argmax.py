"""The place of the greatest number."""

from keras import ops

from kseq.ops.recurrence import Tensor


def first_maximum(x: Tensor) -> Tensor:
    """The place of the greatest number on the last axis, the first of equal ones; int32.

    As `keras.ops.argmax`, which on TensorFlow looks at the bits of negative zeros: that takes longer, and
    LiteRT has no operation for it.

    Args:
        x: of any rank; its last dimension is known.
    """
    last = x.shape[-1] - 1
    greatest = x >= ops.max(x, axis=-1, keepdims=True)
    return ops.cast(ops.min(ops.where(greatest, ops.arange(last + 1), last), axis=-1), "int32")
