"""Looking into training and models: pictures and numbers."""

from kseq.inspection.activity import activity, activity_plot
from kseq.inspection.gradients import GradientMonitor, compare_cells, gradient_flow
from kseq.inspection.memory import memory_probe
from kseq.inspection.transitions import transition_plot
from kseq.inspection.unfolding import unfold

__all__ = [
    "GradientMonitor",
    "activity",
    "activity_plot",
    "compare_cells",
    "gradient_flow",
    "memory_probe",
    "transition_plot",
    "unfold",
]
