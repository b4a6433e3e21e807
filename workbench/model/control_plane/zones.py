"""Zone states and the eviction limiter of the node-lifecycle controller.

ComputeZoneState, handleDisruption and ReducedQPSFunc of Kubernetes
pkg/controller/nodelifecycle/node_lifecycle_controller.go; TokenBucket as client-go's flowcontrol limiter of burst 1,
swapped as RateLimitedTimedQueue.SwapLimiter does (scheduler/rate_limited_queue.go).

Left out: several zones (the hub's machines have no zone label, so all nodes are one zone), nodes labelled
node.kubernetes.io/exclude-disruption.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

UNHEALTHY_NODES_MIN: Final = 3  # ComputeZoneState: notReadyNodes > 2


class ZoneState(StrEnum):
    """What the controller thinks of a zone."""

    NORMAL = "normal"
    PARTIAL = "partial disruption"
    FULL = "full disruption"


@dataclass(frozen=True)
class EvictionRates:
    """The flags that decide how fast nodes may be tainted NoExecute."""

    rate_per_s: float
    secondary_rate_per_s: float
    unhealthy_zone_threshold: float
    large_cluster_nodes: float


def zone_state(nodes: int, not_ready: int, threshold: float) -> ZoneState:
    """Return the state of a zone in which `not_ready` of `nodes` are not ready."""
    if not_ready > 0 and not_ready == nodes:
        return ZoneState.FULL
    if not_ready >= UNHEALTHY_NODES_MIN and not_ready / nodes >= threshold:
        return ZoneState.PARTIAL
    return ZoneState.NORMAL


def taints_per_s(state: ZoneState, nodes: int, rates: EvictionRates) -> float:
    """Return how many nodes a second may be tainted NoExecute in the only zone; 0: none."""
    if state is ZoneState.NORMAL:
        return rates.rate_per_s
    if state is ZoneState.PARTIAL and nodes > rates.large_cluster_nodes:
        return rates.secondary_rate_per_s
    return 0.0


class TokenBucket:
    """A limiter of burst 1 that starts full; a rate of 0 never accepts."""

    def __init__(self, rate_per_s: float, now_s: float) -> None:
        self.rate_per_s = rate_per_s
        self.free_s = now_s  # when the next token is there

    def try_accept(self, now_s: float) -> bool:
        """Take the token if it is there."""
        if self.rate_per_s <= 0.0 or now_s < self.free_s:
            return False
        self.free_s = now_s + 1.0 / self.rate_per_s
        return True

    def swapped(self, rate_per_s: float, now_s: float) -> TokenBucket:
        """Return the limiter for another rate; one that had nothing to give begins empty."""
        if rate_per_s == self.rate_per_s:
            return self
        fresh = TokenBucket(rate_per_s, now_s)
        if rate_per_s > 0.0 and not self.try_accept(now_s):
            fresh.try_accept(now_s)
        return fresh
