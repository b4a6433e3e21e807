"""The node-lifecycle controller: when a silent node is NotReady, when it gets the NoExecute taint, when it loses it.

Kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go (monitorNodeHealth, tryUpdateNodeHealth,
doNoExecuteTaintingPass). Every 5 s, counted from the end of a pass, the controller stamps each lease that changed
with its own clock, and calls a node unreachable at the first pass strictly later than stamp + grace. Since eight
periods and their passes are longer than 40 s, that is the eighth pass after the stamp: the node is NotReady at
grace - (age of its last renewal, 0 to 10.4 s) + (wait for the pass that saw it, 0 to 5 s) after it fell silent.
Until 1.33 the NoExecute taint is asked for one pass later; a limiter of burst 1 lets it through.

Left out: the NoSchedule taint (at once), kubelets that post a status every 5 min as well (a later stamp in 1 of 30),
updates that fail and are tried again, a pass that sees its informer's state of before, drift between the clocks.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import simpy

from workbench.model.control_plane.zones import EvictionRates, TokenBucket, ZoneState, taints_per_s, zone_state

NAN: Final = float("nan")
FOREVER: Final = float("inf")
TICK_SLACK: Final = 1e-9  # share of a tick: a moment that rounding put just after its tick is still on it

Steps = Generator[simpy.Event, Any, None]


@dataclass(frozen=True)
class Controller:
    """The controller's numbers in one replication."""

    grace_s: float
    period_s: float  # from pass to pass, the pass itself included
    first_pass_s: float
    passes_before_taint: int
    tainting_period_s: float
    tainting_phase_s: float
    rates: EvictionRates


@dataclass(frozen=True)
class Silence:
    """One node's silence (s on the simulation's clock)."""

    last_renewal_s: float  # it renews until then; -FOREVER: the last was before the controller was started
    back_s: float = FOREVER  # the kubelet renews its lease and posts Ready


@dataclass
class NodeFate:
    """What became of one node; NaN: it did not happen."""

    not_ready_s: float = NAN
    tainted_s: float = NAN
    untainted_s: float = NAN


@dataclass
class _Health:
    silence: Silence
    fate: NodeFate
    stamp_s: float = NAN  # NaN: the controller has not seen this node yet
    ready: bool = True
    tainted: bool = False


def play(controller: Controller, nodes: int, silences: Mapping[str, Silence]) -> dict[str, NodeFate]:
    """Return each silent node's fate; the zone has `nodes` nodes, those not named stay ready."""
    world = _World(controller, nodes, silences)
    world.env.process(world.monitor())
    world.env.process(world.tainter())
    world.env.run(until=world.horizon_s)
    return {name: health.fate for name, health in world.healths.items()}


class _World:
    """One replication: the monitor's passes and the tainting loop behind them."""

    def __init__(self, controller: Controller, nodes: int, silences: Mapping[str, Silence]) -> None:
        self.controller = controller
        self.nodes = nodes
        self.healths = {name: _Health(silence, NodeFate()) for name, silence in silences.items()}
        self.queue: list[str] = []  # nodes that wait for the NoExecute taint, oldest first
        self.state = ZoneState.NORMAL
        self.limiter = TokenBucket(controller.rates.rate_per_s, controller.first_pass_s)
        self.env = simpy.Environment(initial_time=controller.first_pass_s)
        self.changed = self.env.event()  # the queue or the limiter
        changes_s = [each for one in silences.values() for each in (one.last_renewal_s, one.back_s) if each < FOREVER]
        taints_s = (1 + len(silences)) / taints_per_s(ZoneState.NORMAL, nodes, controller.rates)
        settling_s = controller.grace_s + 5.0 * controller.period_s + taints_s
        self.horizon_s = max([controller.first_pass_s, *changes_s]) + settling_s

    def monitor(self) -> Steps:
        """Look at every node, pass after pass, until the horizon."""
        controller, index = self.controller, 0
        while self.env.now < self.horizon_s:
            for name, health in self.healths.items():
                self._examine(name, health)
            self._judge_zone()
            index = self._next_pass(index)
            yield self.env.timeout(controller.first_pass_s + index * controller.period_s - self.env.now)

    def _next_pass(self, index: int) -> int:
        """Return the next pass that can change anything: where all is settled, the one after a node's return."""
        if any(health.ready or not health.tainted for health in self.healths.values()):
            return index + 1
        back_s = min((health.silence.back_s for health in self.healths.values()), default=FOREVER)
        first_s, period_s = self.controller.first_pass_s, self.controller.period_s
        wanted_s = min(max(back_s, self.env.now + period_s), self.horizon_s)
        return max(index + 1, math.ceil((wanted_s - first_s) / period_s - TICK_SLACK))

    def _examine(self, name: str, health: _Health) -> None:
        now_s, silence = float(self.env.now), health.silence
        back = now_s >= silence.back_s
        health.ready = health.ready or back  # the kubelet posts Ready itself
        observed = health.ready
        renewed = back or health.stamp_s < silence.last_renewal_s  # since the stamp
        if renewed or math.isnan(health.stamp_s):
            health.stamp_s = now_s
        if observed and now_s > health.stamp_s + self.controller.grace_s:
            health.ready = False
            health.fate.not_ready_s = now_s
        judged = observed if self.controller.passes_before_taint else health.ready
        if judged:
            self._reachable(name, health)
        elif not health.tainted and name not in self.queue:
            self.queue.append(name)
            self._wake()

    def _reachable(self, name: str, health: _Health) -> None:
        if name in self.queue:
            self.queue.remove(name)
        if health.tainted:
            health.tainted = False
            health.fate.untainted_s = float(self.env.now)

    def _judge_zone(self) -> None:
        now_s, rates = float(self.env.now), self.controller.rates
        not_ready = sum(not health.ready for health in self.healths.values())
        state = zone_state(self.nodes, not_ready, rates.unhealthy_zone_threshold)
        if state is self.state:
            return
        if state is ZoneState.FULL:
            for name, health in self.healths.items():
                self._reachable(name, health)
        elif self.state is ZoneState.FULL:
            for health in self.healths.values():
                health.stamp_s = now_s
        self.state = state
        self.limiter = self.limiter.swapped(taints_per_s(state, self.nodes, rates), now_s)
        self._wake()

    def tainter(self) -> Steps:
        """Give waiting nodes the taint, as many as the limiter lets through at each tick."""
        while self.env.now < self.horizon_s:
            if not self.queue or self.limiter.rate_per_s <= 0.0:
                yield self.changed
                continue
            yield self.env.timeout(self._next_tick_s() - self.env.now) | self.changed
            on_tick = self._ticks(float(self.env.now)) % 1.0
            if min(on_tick, 1.0 - on_tick) > 1e-6:
                continue
            while self.queue and self.limiter.try_accept(float(self.env.now)):
                health = self.healths[self.queue.pop(0)]
                health.tainted = True
                if math.isnan(health.fate.tainted_s):
                    health.fate.tainted_s = float(self.env.now)

    def _ticks(self, at_s: float) -> float:
        return (at_s - self.controller.tainting_phase_s) / self.controller.tainting_period_s

    def _next_tick_s(self) -> float:
        """Return the first tick after now at which the limiter has a token."""
        earliest = math.floor(self._ticks(float(self.env.now)) + 1e-6) + 1
        with_token = math.ceil(self._ticks(self.limiter.free_s) - 1e-6)
        return self.controller.tainting_phase_s + max(earliest, with_token) * self.controller.tainting_period_s

    def _wake(self) -> None:
        self.changed.succeed()
        self.changed = self.env.event()
