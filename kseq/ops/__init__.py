"""Pure functions on tensors."""

from kseq.ops.unfold import unfold

__all__ = ["unfold"]
