"""The pods of the manifests: who makes each again, where its volume is, how long it tolerates an unreachable node.

Topology's names stand for the pods: kafka-0 and zookeeper-1 (StrimziPodSets), postgres-1 (a StatefulSet of Kubegres
each; instance 1 is the primary of a hub that never failed over), redis-0 (StatefulSet), event-processor-0
and gateway-0 (Deployments).

Left out: what the manifests do not state (operators, the monitoring, DaemonSets of the platform).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workbench.model.control_plane.owner import Owner
from workbench.topology import HubTopology
from workbench.topology.pods import PodTraits

PRIMARY: Final = "postgres-1"
_OWNERS: Final[Mapping[str, Owner]] = {
    "kafka": Owner.POD_SET,
    "zookeeper": Owner.POD_SET,
    "controller": Owner.POD_SET,
    "postgres": Owner.STATEFUL_SET,
    "redis": Owner.STATEFUL_SET,
    "event-processor": Owner.REPLICA_SET,
    "gateway": Owner.REPLICA_SET,
}


@dataclass(frozen=True)
class Pod:
    """One pod of the hub."""

    name: str
    kind: str
    owner: Owner
    traits: PodTraits


def pods_on(topology: HubTopology, traits: Mapping[str, PodTraits], node: str) -> list[Pod]:
    """Return the pods that topology places on a node, in its order."""
    names = [name for name, where in topology.placement.items() if where == node]
    kinds = [name.rpartition("-")[0] for name in names]
    return [Pod(name, kind, _OWNERS[kind], traits[kind]) for name, kind in zip(names, kinds, strict=True)]
