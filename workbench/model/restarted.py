"""A server that dies, starts again by the kubelet's rule, and whom its clients ask again after ever longer waits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import simpy

from workbench.metrics.tables import NAN
from workbench.model.cores import slow_down
from workbench.model.world import HORIZON_S, Setting, Steps

BACKOFF_FIRST_S: Final = 0.1  # workbench/apps/event_processor: consumer.py and state.py
ATTEMPTS_MAX: Final = 36_000  # no wait is shorter than the first, so this reaches the horizon


class Restarted:
    """One replication: when the server started, served, and each processor had it again (s after the fault)."""

    def __init__(self, setting: Setting, draws: Mapping[str, float]) -> None:
        self.setting = setting
        self.draws = draws
        self.env = simpy.Environment()
        self.serves = self.env.event()
        self.started_s = NAN
        self.serves_s = NAN
        self.reached_s: dict[int, float] = {}

    def play(
        self,
        start_s: float,
        backoff_longest_s: float,
        late_s: float = 0.0,
        reach_s: float = 0.0,
        begins_s: float | None = None,
    ) -> None:
        """Run all of it: `start_s` from start to service; see `_processor` for the rest.

        The start begins as the kubelet's rule says, or at `begins_s` after the fault where another rule decides.
        """
        self.env.process(self._server(first_restart_s(self.draws) if begins_s is None else begins_s, start_s))
        for each in range(len(self.setting.consumers)):
            self.env.process(self._processor(each, backoff_longest_s, late_s, reach_s))
        self.env.run(until=HORIZON_S)

    def _server(self, begins_s: float, start_s: float) -> Steps:
        yield self.env.timeout(begins_s)
        self.started_s = float(self.env.now)
        yield self.env.timeout(start_s)
        self.serves_s = float(self.env.now)
        self.serves.succeed()

    def _processor(self, each: int, backoff_longest_s: float, late_s: float, reach_s: float) -> Steps:
        """Try after 0.1, 0.2, 0.4 .. s and `late_s` each, until the server serves; what it asks takes `reach_s`."""
        draws = self.draws
        yield self.env.timeout(draws[f"first_failure_share_{each}"] * draws["batch_linger_s"])
        wait_s = BACKOFF_FIRST_S
        for _ in range(ATTEMPTS_MAX):
            yield self.env.timeout(wait_s + late_s)
            if self.serves.triggered:
                break
            wait_s = min(backoff_longest_s, 2.0 * wait_s)
        yield self.env.timeout(reach_s)
        self.reached_s[each] = float(self.env.now)


def first_restart_s(draws: Mapping[str, float]) -> float:
    """Return from a server's first death to its new process: the kubelet's next look, and the start's own delay."""
    return draws["kubelet_relist_s"] + draws["restart_notice_s"]


def beside_the_load_s(draws: Mapping[str, float], alone_s: float, parallel: float) -> float:
    """Return how long a start takes that takes `alone_s` on free cores and keeps `parallel` of them busy then."""
    busy = draws["short_tasks_cores"] + draws["database_cores"]
    return alone_s * slow_down(draws["machine_cores"], parallel, busy, threads=1.0, rivals=0.0)
