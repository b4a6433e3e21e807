"""Pages and figures from a run folder, and nothing else."""

import os

from workbench.cache import cache_directory

# Matplotlib reads this when it is imported, and would keep its list of fonts in a folder of its own.
os.environ.setdefault("MPLCONFIGDIR", str(cache_directory() / "matplotlib"))

from workbench.report.rendering import render

__all__ = ["render"]
