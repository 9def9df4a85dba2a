"""What a state remembers."""

from kseq.inspection.memory.probe import Probe, memory_probe
from kseq.inspection.memory.report import memory_line, memory_plot, memory_table
from kseq.inspection.memory.tasks import TASKS, MemoryTask

__all__ = ["TASKS", "MemoryTask", "Probe", "memory_line", "memory_plot", "memory_probe", "memory_table"]
