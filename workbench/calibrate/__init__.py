"""Measures on a hub of its own, without a drill, what the models otherwise take from priors."""

from workbench.calibrate.conducting import calibrate
from workbench.calibrate.fitting import fit, prior_span

__all__ = ["calibrate", "fit", "prior_span"]
