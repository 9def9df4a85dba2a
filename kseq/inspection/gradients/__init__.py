"""Gradients on their way back through time."""

from kseq.inspection.gradients.comparison import ClippedTraining, clipping_effect, compare_cells
from kseq.inspection.gradients.flow import GradientFlow, LayerFlow, gradient_flow
from kseq.inspection.gradients.jacobian import recurrent_jacobian, spectral_radius
from kseq.inspection.gradients.monitor import GradientMonitor, GradientWarning
from kseq.inspection.gradients.plots import clipping_plot, flow_plot, flow_table

__all__ = [
    "ClippedTraining",
    "GradientFlow",
    "GradientMonitor",
    "GradientWarning",
    "LayerFlow",
    "clipping_effect",
    "clipping_plot",
    "compare_cells",
    "flow_plot",
    "flow_table",
    "gradient_flow",
    "recurrent_jacobian",
    "spectral_radius",
]
