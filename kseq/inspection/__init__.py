"""Looking into training and models: curves and plots."""

from kseq.inspection.unfolding import unfold

__all__ = ["unfold"]
