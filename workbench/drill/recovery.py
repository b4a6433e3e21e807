"""Watches a recovery live: which phase the hub is in, and when everything is whole again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from workbench.drill.live import Live

CALM_S: Final = 8.0  # the live backlog must stay back for so long (the exact judgement needs 5 s of load)
CALM_FACTOR: Final = 1.5
CALM_SLACK_EVENTS: Final = 60.0


@dataclass
class Recovery:
    """The phases of one broker's loss, ticked off in whatever order they come.

    `marks` holds the time since the fault (s) at which each condition was first seen by the live view; the
    reported moments are taken from the collectors' samples afterwards.
    """

    live: Live
    broker: int
    calm_backlog_events: float
    returns: bool  # whether the restart rule brings the broker back
    marks: dict[str, float] = field(default_factory=dict)
    _calm_since_s: float | None = None

    def update(self, since_fault_s: float) -> list[str]:
        """Look once; return the names of conditions that were met now for the first time."""
        backlog = self.live.backlog_events()
        conditions: dict[str, Callable[[], bool]] = {
            "broker-deregistered": lambda: not self.live.registered(self.broker),
            "leaders-moved": lambda: self.live.led_by(self.broker) == 0 and self.live.led_by(-1) == 0,
            "broker-registered": lambda: "broker-deregistered" in self.marks and self.live.registered(self.broker),
            "isr-full": lambda: "broker-registered" in self.marks and self.live.short_partitions() == 0,
            "backlog-drained": lambda: self._calm(since_fault_s, backlog),
        }
        met = [name for name, holds in conditions.items() if name not in self.marks and holds()]
        for name in met:
            self.marks[name] = since_fault_s
        return met

    @property
    def complete(self) -> bool:
        """Tell whether nothing is left to wait for."""
        wanted = {"broker-deregistered", "leaders-moved", "backlog-drained"}
        if self.returns:
            wanted |= {"broker-registered", "isr-full"}
        return wanted <= self.marks.keys()

    def _calm(self, since_fault_s: float, backlog: float) -> bool:
        """Tell whether the backlog has been back for CALM_S, after the leaders moved."""
        bound = CALM_FACTOR * self.calm_backlog_events + CALM_SLACK_EVENTS
        if backlog > bound or "leaders-moved" not in self.marks:
            self._calm_since_s = None
            return False
        if self._calm_since_s is None:
            self._calm_since_s = since_fault_s
        return since_fault_s - self._calm_since_s >= CALM_S
