"""Pages and figures from a run folder, and nothing else."""

from workbench.report.rendering import render

__all__ = ["render"]
