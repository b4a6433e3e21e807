"""One lost node through many replications of the node-lifecycle controller.

Left out: what lifecycle.py leaves out; a node that is only cut off and keeps its pods running (it is taken for lost).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.model.control_plane import checking
from workbench.model.control_plane.constants import Draws
from workbench.model.control_plane.lifecycle import FOREVER, Controller, Silence, play
from workbench.model.control_plane.results import Loss
from workbench.model.control_plane.zones import EvictionRates
from workbench.model.parameter import FloatArray


@dataclass(frozen=True)
class LostNode:
    """The lost node's moments, one number a replication (s); NaN: never."""

    not_ready_s: FloatArray
    tainted_s: FloatArray
    untainted_s: FloatArray
    seen_s: FloatArray  # its pods' conditions say unready: NotReady, or its kubelet back with pods to start


def lost_node(draws: Draws, loss: Loss, nodes: int, acts_s: FloatArray | None) -> LostNode:
    """Play the controller once a replication in a zone of `nodes`; `acts_s` is when a restarted one begins."""
    age_s = draws.of("lease_age_share", loss.node) * draws.of("lease_interval_s", loss.node)
    rows = []
    for controller, last_age_s in zip(controllers_of(draws, acts_s), age_s.tolist(), strict=True):
        renewed_s = -last_age_s if acts_s is None else -FOREVER
        fate = play(controller, nodes, {loss.node: Silence(renewed_s, loss.back_s)})[loss.node]
        rows.append((fate.not_ready_s, fate.tainted_s, fate.untainted_s))
    not_ready_s, tainted_s, untainted_s = np.array(rows).T
    checking.in_order(not_ready=not_ready_s, tainted=tainted_s, untainted=untainted_s)
    checking.follows("NotReady", not_ready_s, "the taint", tainted_s)
    seen_s = np.fmin(not_ready_s, loss.back_s)
    return LostNode(not_ready_s, tainted_s, untainted_s, np.where(np.isfinite(seen_s), seen_s, np.nan))


def controllers_of(draws: Draws, acts_s: FloatArray | None = None) -> list[Controller]:
    """Return each replication's node-lifecycle controller, long at work or (`acts_s`) started at that time."""
    rates = EvictionRates(
        draws.number("eviction_rate_per_s"),
        draws.number("secondary_eviction_rate_per_s"),
        draws.number("unhealthy_zone_threshold"),
        draws.number("large_cluster_nodes"),
    )
    period_s = draws.number("monitor_period_s") + draws.number("monitor_pass_s")
    tainting_s = draws.number("tainting_period_s")
    long_ago_s = draws.of("lease_interval_s").max() + 2.0 * period_s
    first_s = draws.of("monitor_phase_share") * period_s - long_ago_s if acts_s is None else acts_s
    phases_s = draws.of("tainting_phase_share") * tainting_s
    grace_s, passes = draws.number("monitor_grace_s"), int(draws.number("passes_before_taint"))
    return [
        Controller(grace_s, period_s, at_s, passes, tainting_s, phase_s, rates)
        for at_s, phase_s in zip(first_s.tolist(), phases_s.tolist(), strict=True)
    ]
