"""Nodes and pods of many kinds, drawn from a seed, to try kube-scheduler's choices on.

Sizes and requests are drawn so finely that few nodes have the same score; each mix adds one of the things that
decide a placement, the last has them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from workbench.streams import stream
from workbench.target.throwaway.addons import FAKE_TAINT

NODES: Final = 60  # fewer than the 100 from which kube-scheduler stops looking early
LABEL: Final = "hub-workbench/placements"  # the nodes of a trial have it, and its pods want it
NAMESPACE: Final = "placements"
ZONE: Final = "topology.kubernetes.io/zone"
HOSTNAME: Final = "kubernetes.io/hostname"
ZONES: Final = ("a", "b", "c")
DISKS: Final = ("ssd", "nvme", "spinning")
APPS: Final = ("broker", "processor", "gateway", "store", "monitor")
PODS_A_NODE: Final = 110
TOO_LARGE: Final = 0.005  # share of pods that fit nowhere
Spec = dict[str, Any]
Adds = Callable[[np.random.Generator, str, Spec], None]


@dataclass(frozen=True)
class Mix:
    """A kind of trial: what its pods ask for beyond CPU and memory, and whether some of its nodes are tainted."""

    name: str
    adds: Sequence[Adds]
    taints: bool = False


def nodes_of(mix: Mix, seed: int) -> list[dict[str, Any]]:
    """Return a mix's nodes as Kubernetes objects."""
    rng = stream(seed, "placements", mix.name, "nodes")
    return [_node(rng, number, mix.taints) for number in range(NODES)]


def pods_of(mix: Mix, count: int, seed: int, scheduler: str) -> list[dict[str, Any]]:
    """Return so many pods of a mix, for a scheduler of that name."""
    rng = stream(seed, "placements", mix.name, "pods")
    return [_pod(rng, number, mix, scheduler) for number in range(count)]


def _node(rng: np.random.Generator, number: int, tainted: bool) -> dict[str, Any]:
    name = f"placement-{number:03d}"
    size = {
        "cpu": f"{rng.integers(4_000, 24_000)}m",
        "memory": f"{rng.integers(8_000, 64_000)}Mi",
        "pods": str(PODS_A_NODE),
    }
    taints = []
    if tainted and rng.random() < 0.3:
        taints.append({"key": "dedicated", "value": str(rng.choice(APPS)), "effect": "NoSchedule"})
    if tainted and rng.random() < 0.5:
        taints.append({"key": "noisy", "value": "yes", "effect": "PreferNoSchedule"})
    if tainted and rng.random() < 0.3:
        taints.append({"key": "old", "value": "yes", "effect": "PreferNoSchedule"})
    labels = {LABEL: "yes", HOSTNAME: name, ZONE: str(rng.choice(ZONES)), "disk": str(rng.choice(DISKS))}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "annotations": {FAKE_TAINT: "fake"}, "labels": labels},
        "spec": {"taints": taints},
        "status": {"capacity": size, "allocatable": size},
    }


def _pod(rng: np.random.Generator, number: int, mix: Mix, scheduler: str) -> dict[str, Any]:
    app = str(rng.choice(APPS))
    cpu_m = 1_000_000 if rng.random() < TOO_LARGE else int(rng.integers(10, 250))
    requests = {"cpu": f"{cpu_m}m", "memory": f"{rng.integers(16, 600)}Mi"}
    spec: Spec = {
        "schedulerName": scheduler,
        "nodeSelector": {LABEL: "yes"},
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "main", "image": "none:1", "resources": {"requests": requests}}],
    }
    if rng.random() < 0.1:
        del spec["containers"][0]["resources"]  # counts as a little where unstated requests count
    for add in mix.adds:
        add(rng, app, spec)
    name = f"{mix.name}-{number:05d}"
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": app}}, "spec": spec}


def _wants_nodes(rng: np.random.Generator, _: str, spec: Spec) -> None:
    """Required and preferred node affinity, on the kind of disk and the zone."""
    wanted: dict[str, Any] = {}
    if rng.random() < 0.3:
        disks = [str(disk) for disk in rng.choice(DISKS, 2, replace=False)]
        terms = [{"matchExpressions": [{"key": "disk", "operator": "In", "values": disks}]}]
        wanted["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": terms}
    if rng.random() < 0.7:
        wanted["preferredDuringSchedulingIgnoredDuringExecution"] = [
            {"weight": int(rng.integers(1, 101)), "preference": {"matchExpressions": [_expression(rng)]}}
            for _ in range(rng.integers(1, 4))
        ]
    if wanted:
        spec.setdefault("affinity", {})["nodeAffinity"] = wanted


def _expression(rng: np.random.Generator) -> dict[str, Any]:
    if rng.random() < 0.5:
        return {"key": ZONE, "operator": "In", "values": [str(rng.choice(ZONES))]}
    return {"key": "disk", "operator": str(rng.choice(["In", "NotIn"])), "values": [str(rng.choice(DISKS))]}


def _tolerates(rng: np.random.Generator, app: str, spec: Spec) -> None:
    """Tolerations of the nodes dedicated to its app, and of one kind of the taints that are only to be avoided."""
    tolerations = []
    if rng.random() < 0.5:
        tolerations.append({"key": "dedicated", "operator": "Equal", "value": app, "effect": "NoSchedule"})
    if rng.random() < 0.4:
        tolerations.append({"key": "noisy", "operator": "Exists"})
    spec["tolerations"] = tolerations


def _spreads(rng: np.random.Generator, app: str, spec: Spec) -> None:
    """Topology spread over zones and hosts, hard and soft."""
    selector = {"matchLabels": {"app": app}}
    constraints = []
    for key, skew in ((ZONE, 3), (HOSTNAME, 4)):
        if rng.random() < 0.5:
            way = "DoNotSchedule" if rng.random() < 0.3 else "ScheduleAnyway"
            row = {"maxSkew": int(rng.integers(1, skew)), "topologyKey": key, "whenUnsatisfiable": way}
            constraints.append({**row, "labelSelector": selector})
    if constraints:
        spec["topologySpreadConstraints"] = constraints


def _wants_neighbours(rng: np.random.Generator, app: str, spec: Spec) -> None:
    """Near one app by preference, away from its own or another, by host or zone; some of it required."""
    other = str(rng.choice(APPS))
    affinity = spec.setdefault("affinity", {})
    if rng.random() < 0.4:
        affinity["podAffinity"] = {_PREFERRED: [_weighted(rng, _term(other, str(rng.choice([ZONE, HOSTNAME]))))]}
    if rng.random() < 0.4:
        avoided = _term(app if rng.random() < 0.5 else other, str(rng.choice([ZONE, HOSTNAME])))
        affinity["podAntiAffinity"] = {_PREFERRED: [_weighted(rng, avoided)]}
    elif rng.random() < 0.02:
        affinity["podAntiAffinity"] = {_REQUIRED: [_term("monitor" if app != "monitor" else "store", HOSTNAME)]}


_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"
_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"


def _term(app: str, key: str) -> dict[str, Any]:
    return {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key}


def _weighted(rng: np.random.Generator, term: Mapping[str, Any]) -> dict[str, Any]:
    return {"weight": int(rng.integers(1, 101)), "podAffinityTerm": dict(term)}


MIXES: Final[tuple[Mix, ...]] = (
    Mix("requests", ()),
    Mix("affinity", (_wants_nodes,)),
    Mix("taints", (_tolerates,), taints=True),
    Mix("spread", (_spreads,)),
    Mix("neighbours", (_wants_neighbours,)),
    Mix("everything", (_wants_nodes, _tolerates, _spreads, _wants_neighbours), taints=True),
)
