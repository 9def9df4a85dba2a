"""Pure functions on tensors."""

from kseq.ops.recurrence import unfold

__all__ = ["unfold"]
