"""Compiled message-level kernels: what happens to each event between two control events."""

from workbench.engine.inputs import EVEN, NEVER, Disturbance, Fate, Pace, Service, Traffic
from workbench.engine.path import run

__all__ = ["EVEN", "NEVER", "Disturbance", "Fate", "Pace", "Service", "Traffic", "run"]
