"""A node's loss on a cluster whose pods are known by name: what a power-off there can be held to.

Left out: what forecast.py leaves out; pods of another owner than a ReplicaSet, volumes, the node's return.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from workbench.model.control_plane import checking
from workbench.model.control_plane.constants import Draws, Release, rows
from workbench.model.control_plane.eviction import deleted_s, running_elsewhere_s
from workbench.model.control_plane.forecast import node_moments
from workbench.model.control_plane.lost_node import lost_node
from workbench.model.control_plane.owner import Owner
from workbench.model.control_plane.results import Fate, Forecast, Loss, Moment
from workbench.model.control_plane.workloads import Pod
from workbench.model.control_plane.zones import zone_state
from workbench.topology.pods import PodTraits

SEEN_IN_A_TRIAL: Final = (
    "not_ready_s",
    "endpoints_gone_s",
    "rules_gone_s",
    "tainted_s",
    "evicted_s",
    "replacement_running_s",
)


def trial_forecast(
    node: str,
    nodes: Sequence[str],
    pods: Sequence[str],
    toleration_s: float,
    of: Release,
    replications: int,
    seed: int,
) -> Forecast:
    """Return the forecast of losing `node` of `nodes` with these pods of one ReplicaSet on it (at least one)."""
    loss = Loss(node)
    draws = Draws(rows(of), seed, replications)
    lost = lost_node(draws, loss, len(nodes), None)
    traits = PodTraits(toleration_s, "")
    fates = []
    for name in pods:
        terminating_s = deleted_s(lost, toleration_s, loss, Owner.REPLICA_SET)
        checking.tolerated(lost.tainted_s, terminating_s, toleration_s, loss.out_of_service_s)
        fates.append(
            Fate(
                Pod(name, "trial", Owner.REPLICA_SET, traits),
                Moment("terminating_s", "Terminating", "s", terminating_s),
                Moment("runs_again_s", "Running again", "s", running_elsewhere_s(draws, name, terminating_s)),
                given_up=False,
                becomes="replaced",
                why="its ReplicaSet makes another",
            )
        )
    survivors = [name for name in nodes if name != node]
    moments = node_moments(draws, loss, lost, fates, survivors)
    seen = tuple(moment for moment in moments if moment.name in SEEN_IN_A_TRIAL)
    assert all(np.isfinite(moment.values).all() for moment in seen)
    zone = zone_state(len(nodes), 1, draws.number("unhealthy_zone_threshold"))
    return Forecast(loss, of, seed, replications, zone, "the node's silence", seen, tuple(fates), draws.by_name)
