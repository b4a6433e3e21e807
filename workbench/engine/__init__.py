"""Compiled message-level kernels: what happens to each event between two control events."""

from workbench.engine.inputs import EVEN, NEVER, Disturbance, Fate, Outage, Pace, Service, Traffic, never_stop
from workbench.engine.path import run

__all__ = ["EVEN", "NEVER", "Disturbance", "Fate", "Outage", "Pace", "Service", "Traffic", "never_stop", "run"]
