"""Looking into training and models: pictures and numbers."""

from kseq.inspection.gradients import GradientMonitor, compare_cells, gradient_flow
from kseq.inspection.unfolding import unfold

__all__ = ["GradientMonitor", "compare_cells", "gradient_flow", "unfold"]
