"""Trials of kube-scheduler on nodes of KWOK's: bursts of pods against their forecast, placements against the model."""
