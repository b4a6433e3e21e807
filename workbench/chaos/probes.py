"""Chaos Toolkit probes: read-only questions to the hub."""

from __future__ import annotations

import time
from typing import Final

from workbench.chaos.hub import find
from workbench.target.port import Target

__all__ = ["all_brokers_registered", "all_replicas_in_sync", "recovered_within"]

POLL_S: Final = 0.5


def all_brokers_registered(target: str = "local", hub: str = "") -> bool:
    """Tell whether every broker of the manifests is registered in ZooKeeper."""
    with find(target, hub) as live:
        return _registered(live)


def all_replicas_in_sync(target: str = "local", hub: str = "") -> bool:
    """Tell whether every partition's in-sync replica set is full (compared as sets, not in order)."""
    with find(target, hub) as live:
        return _in_sync(live)


def recovered_within(timeout_s: float, target: str = "local", hub: str = "") -> bool:
    """Wait, at most `timeout_s`, until the hub is whole; tell whether it is.

    A dead broker's registration outlives it by its session, so whole means more than registered: each
    server's present process must hold its own registration, and every in-sync replica set must be full.
    """
    deadline_s = time.monotonic() + float(timeout_s)
    with find(target, hub) as live:
        while live.missing():
            if time.monotonic() > deadline_s:
                return False
            time.sleep(POLL_S)
    return True


def _registered(live: Target) -> bool:
    return live.registered_brokers() == frozenset(live.topology.kafka.broker_ids)


def _in_sync(live: Target) -> bool:
    states = live.partition_states()
    return bool(states) and all(set(state.isr) == set(state.replicas) for state in states.values())
