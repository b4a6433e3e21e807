"""Watches a recovery live: which phase the hub is in, and when everything is whole again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from workbench.drill.live import Live

CALM_S: Final = 8.0  # the live backlog must stay back for so long (the exact judgement needs 5 s of load)
CALM_FACTOR: Final = 1.5
CALM_SLACK_EVENTS: Final = 60.0
CALM_SHARE: Final = 0.75  # of the looks within CALM_S that are inside the calm backlog (the exact judgement: 0.6)


@dataclass
class Recovery:
    """The phases of one broker's loss, ticked off in whatever order they come.

    `marks` holds the time since the fault (s) at which each condition was first seen by the live view; the
    reported moments are taken from the collectors' samples afterwards.
    """

    live: Live
    broker: int
    calm_backlog_events: tuple[float, float]  # upper quartile and 99th percentile
    returns: bool  # whether the restart rule brings the broker back
    marks: dict[str, float] = field(default_factory=dict)
    _looks: deque[tuple[float, float]] = field(default_factory=deque)  # (s since the fault, backlog) since it is calm

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
        """Tell whether the backlog has been back for CALM_S, after the leaders moved.

        Never far above the calm one, mostly inside it, and in its middle not above the calm one's upper quartile: the
        live view is late by a flush, which blurs it by more than what the exact judgement still calls a backlog.
        """
        upper, highest = self.calm_backlog_events
        bound = CALM_FACTOR * highest + CALM_SLACK_EVENTS
        if backlog > bound or "leaders-moved" not in self.marks:
            self._looks.clear()
            return False
        self._looks.append((since_fault_s, backlog))
        if since_fault_s - self._looks[0][0] < CALM_S:
            return False
        while since_fault_s - self._looks[0][0] > CALM_S:
            self._looks.popleft()
        events = [each for _, each in self._looks]
        inside = sum(1 for each in events if each <= highest)
        return inside >= CALM_SHARE * len(events) and median(events) <= upper
