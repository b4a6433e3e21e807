"""Chaos Toolkit actions and probes over the target's port."""
