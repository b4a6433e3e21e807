"""Chaos Toolkit probes: read-only questions to the hub."""

from __future__ import annotations

import math
import time
from typing import Final

from workbench.chaos.hub import find
from workbench.errors import ToolFailed
from workbench.target.port import ProcessStart, Target

__all__ = ["all_brokers_registered", "all_replicas_in_sync", "hub_is_whole", "recovered_within", "serving_within"]

POLL_S: Final = 0.5
SERVES_FOR_S: Final = 15.0  # longer than a drill watches a backlog that is back (workbench.drill.recovery)


def all_brokers_registered(target: str = "local", hub: str = "") -> bool:
    """Tell whether every broker of the manifests is registered."""
    with find(target, hub) as live:
        return _registered(live)


def all_replicas_in_sync(target: str = "local", hub: str = "") -> bool:
    """Tell whether every partition's in-sync replica set is full (compared as sets, not in order)."""
    with find(target, hub) as live:
        return _in_sync(live)


def hub_is_whole(target: str = "local", hub: str = "") -> bool:
    """Tell whether every server runs and answers, with all its redundancy."""
    with find(target, hub) as live:
        return not live.missing()


def recovered_within(timeout_s: float, target: str = "local", hub: str = "") -> bool:
    """Wait, at most `timeout_s`, until the hub is whole; tell whether it is.

    A dead broker's registration outlives it by its session, so whole means more than registered: each
    server's present process must hold its own registration, and every in-sync replica set must be full.
    Where nothing restarts what died, the hub is as whole as it gets once it serves (serving_within).
    """
    deadline_s = time.monotonic() + float(timeout_s)
    with find(target, hub) as live:
        if not live.restarts():
            return _serves(live, deadline_s, SERVES_FOR_S)
        while live.missing():
            if time.monotonic() > deadline_s:
                return False
            time.sleep(POLL_S)
    return True


def serving_within(timeout_s: float, calm_s: float = SERVES_FOR_S, target: str = "local", hub: str = "") -> bool:
    """Wait, at most `timeout_s`, until the hub serves without what died; tell whether it does.

    It serves when every partition takes writes without a dead broker and, for `calm_s` on end, fewer records wait
    than a batch of every event processor holds.
    """
    with find(target, hub) as live:
        return _serves(live, time.monotonic() + float(timeout_s), float(calm_s))


def _serves(live: Target, deadline_s: float, calm_s: float) -> bool:
    processors = live.topology.processors
    bound = processors.replicas * processors.batch_events_max
    calm_from_s = math.inf  # the first look of those that found it serving, one after another
    while time.monotonic() <= deadline_s:
        calm_from_s = min(calm_from_s, time.monotonic()) if _keeps_up(live, bound) else math.inf
        if time.monotonic() - calm_from_s >= calm_s:
            return True
        time.sleep(POLL_S)
    return False


def _keeps_up(live: Target, bound: int) -> bool:
    """Tell whether writes are taken and fewer than `bound` records wait; a hub that cannot say yet does not.

    A leader answers no question about its records until its followers have confirmed it (OFFSET_NOT_AVAILABLE).
    """
    try:
        return _takes_writes(live) and live.waiting_records() < bound
    except ToolFailed:
        return False


def _takes_writes(live: Target) -> bool:
    """Tell whether every partition's leader runs and waits for no dead follower: acks=all asks the whole in-sync set.

    A dead broker's registration outlives it, so the process decides.
    """
    running = {broker for broker in live.registered_brokers() if math.isnan(_last_start(live, broker).ended_s)}
    return all(state.leader in running and running >= set(state.isr) for state in live.partition_states().values())


def _last_start(live: Target, broker: int) -> ProcessStart:
    return live.process_starts(f"kafka-{broker}")[-1]


def _registered(live: Target) -> bool:
    return live.registered_brokers() == frozenset(live.topology.kafka.broker_ids)


def _in_sync(live: Target) -> bool:
    states = live.partition_states()
    return bool(states) and all(set(state.isr) == set(state.replicas) for state in states.values())
