"""Compiled message-level kernels: what happens to each event between two control events."""

from workbench.engine.inputs import NEVER, Disturbance, Fate, Service, Traffic
from workbench.engine.path import run

__all__ = ["NEVER", "Disturbance", "Fate", "Service", "Traffic", "run"]
