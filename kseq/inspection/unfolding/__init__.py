"""Pictures of recurrent networks, as a loop and unfolded."""

from kseq.inspection.unfolding.picture import unfold

__all__ = ["unfold"]
