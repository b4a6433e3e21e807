"""From NotReady to the last client being sent elsewhere: pods marked, EndpointSlices, iptables rules, DNS answers.

The controller marks the node's pods not ready in the pass that finds it NotReady, one after another
(MarkPodsNotReady), through a client limited to 20 requests/s after 30. The EndpointSlice controller answers each
change; kube-proxy writes its rules at once for the first two changes, later ones wait for minSyncPeriod (its
BoundedFrequencyRunner). Clients of headless Services see the change when DNS answers age out.

Left out: established connections (conntrack keeps them; they end by the client's own time-out), Cilium in place of
kube-proxy, other changes under way in the rules, pods that the manifests do not state (operators, DaemonSets).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.model.control_plane.api_limits import burst_s
from workbench.model.control_plane.constants import Draws
from workbench.model.parameter import FloatArray


@dataclass(frozen=True)
class Routing:
    """When clients stop being sent to the node's pods, one number a replication (s); NaN: they never were."""

    endpoints_gone_s: FloatArray  # the last pod has left the EndpointSlices
    written_s: FloatArray  # each node's kube-proxy has written its rules: a row a node
    dns_gone_s: FloatArray  # no DNS server gives an answer of before

    @property
    def rules_gone_s(self) -> FloatArray:
        """Return when the last node's rules are written."""
        return np.asarray(self.written_s.max(axis=0))


def routing(draws: Draws, not_ready_s: FloatArray, pods: int, proxies: Sequence[str]) -> Routing:
    """Return the moments for `pods` ready pods on the node; `proxies` are the nodes that still run kube-proxy."""
    nothing = np.full(draws.replications, np.nan)
    if pods == 0:
        return Routing(nothing, nothing[np.newaxis], nothing)
    request_s, slice_s = draws.of("api_request_s"), draws.of("slice_update_s")
    limits = draws.number("client_qps"), draws.number("client_burst"), draws.number("inflight_mutating")
    changes_s = np.empty((draws.replications, pods))
    for row, each_s in enumerate(request_s.tolist()):
        for pod in range(1, pods + 1):  # one after another, never faster than the limits
            changes_s[row, pod - 1] = max(pod * each_s, burst_s(pod, *limits, each_s))
    changes_s += (not_ready_s + slice_s)[:, np.newaxis]
    period_s, burst = draws.number("rules_min_sync_s"), draws.number("rules_sync_burst")
    synced = np.full((len(proxies), draws.replications), np.nan)
    for place, proxy in enumerate(proxies):
        for row, sync_s in enumerate(draws.of("rules_sync_s", proxy).tolist()):
            if np.isfinite(not_ready_s[row]):
                synced[place, row] = synced_s(changes_s[row].tolist(), period_s, burst, sync_s)
    gone_s = changes_s[:, -1]
    return Routing(gone_s, synced, gone_s + draws.of("dns_answer_age_s"))


def synced_s(changes_s: Sequence[float], min_sync_period_s: float, burst: float, sync_s: float) -> float:
    """Return when one kube-proxy has written the last of `changes_s` (ascending), having been idle before."""
    tokens, at_s, ended_s, started_s = burst, changes_s[0], -np.inf, -np.inf
    for change_s in changes_s:
        if change_s <= started_s:  # the last write has it
            continue
        wanted_s = max(change_s, ended_s)
        tokens = min(burst, tokens + (wanted_s - at_s) / min_sync_period_s)
        started_s = wanted_s if tokens >= 1.0 else max(wanted_s, ended_s + min_sync_period_s)
        tokens = min(burst, tokens + (started_s - wanted_s) / min_sync_period_s) - 1.0
        at_s, ended_s = started_s, started_s + sync_s
    return float(ended_s)
