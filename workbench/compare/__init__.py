"""Predicted against observed of one run: rows, checks, two verdicts and the exit code."""

from workbench.compare.comparison import Check, Judged, compare

__all__ = ["Check", "Judged", "compare"]
