"""What manifests say of a pod beyond its size: how long it stays on an unreachable node, and where its volume is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workbench.errors import BadInput
from workbench.topology.documents import Node, shown
from workbench.topology.fields import Reader, path_of
from workbench.topology.finding import DEPLOYMENT, KAFKA, KUBEGRES, NODE_POOL, STATEFUL_SET, of_type, the_only
from workbench.topology.kraft import is_kraft, pool_of
from workbench.topology.rendering import render_nodes

UNREACHABLE: Final = "node.kubernetes.io/unreachable"
TOLERATION_S_DEFAULT: Final = 300.0  # the API server's DefaultTolerationSeconds admission adds it
TOLERATION_S_MAX: Final = 10**9
LOCAL_CLASSES: Final = ("local-path",)  # storage classes whose volumes are directories of one node

DEPLOYMENTS: Final = ("event-processor", "gateway")
_TEMPLATE: Final = ("spec", "template", "spec", "tolerations")


@dataclass(frozen=True)
class PodTraits:
    """What is the same for all pods of one kind of server."""

    toleration_s: float  # of an unreachable node; infinite: it stays
    storage_class: str  # of its volume, "" without one

    @property
    def local_volume(self) -> bool:
        """Tell whether the pod can only run where its volume is."""
        return self.storage_class in LOCAL_CLASSES


def read_pod_traits(manifests: Path) -> dict[str, PodTraits]:
    """Return the traits of "kafka", "zookeeper" or "controller", "postgres", "redis", "event-processor" and "gateway".

    Raises BadInput with every problem: what cannot be rendered, a missing resource, tolerations that are none.
    """
    resources = render_nodes(manifests)
    reader = Reader()
    folder = shown(manifests)
    kafka = the_only(reader, resources, folder, KAFKA)
    postgres = the_only(reader, resources, folder, KUBEGRES)
    redis = the_only(reader, resources, folder, STATEFUL_SET, "redis")
    deployments = {name: the_only(reader, resources, folder, DEPLOYMENT, name) for name in DEPLOYMENTS}
    found: dict[str, PodTraits] = {}
    pools = of_type(resources, NODE_POOL)
    if kafka and is_kraft(reader, kafka, pools):
        for kind, role in (("kafka", "broker"), ("controller", "controller")):
            if pool := pool_of(reader, kafka, pools, role):
                path = ("spec", "template", "pod", "tolerations")
                found[kind] = _traits(reader, pool, path, pool.text("spec", "storage", "class"))
        kafka = None
    for kind, node in (("kafka", kafka), ("zookeeper", kafka)):
        if node:
            found[kind] = _traits(
                reader,
                node,
                ("spec", kind, "template", "pod", "tolerations"),
                node.text("spec", kind, "storage", "class"),
            )
    if postgres:
        storage = postgres.text("spec", "database", "storageClassName")
        found["postgres"] = _traits(reader, postgres, ("spec", "scheduler", "tolerations"), storage)
    if redis:
        claims = redis.get("spec", "volumeClaimTemplates")
        classes = [claim.text("spec", "storageClassName") for claim in (claims.items if claims else [])]
        found["redis"] = _traits(reader, redis, _TEMPLATE, classes[0] if classes else "")
    found |= {name: _traits(reader, node, _TEMPLATE, "") for name, node in deployments.items() if node}
    if reader.problems:
        raise BadInput(f"manifests {folder} do not describe a hub", reader.problems)
    return found


def _traits(reader: Reader, node: Node, path: tuple[str, ...], storage_class: str) -> PodTraits:
    tolerations = node.get(*path)
    if tolerations is None:
        return PodTraits(TOLERATION_S_DEFAULT, storage_class)
    if not isinstance(tolerations.value, list):
        reader.note(tolerations.place, path_of(path), tolerations.plain, "a list of tolerations")
    for item in tolerations.items:
        if _tolerates(item.plain if isinstance(item.value, dict) else {}):
            seconds = reader.whole(
                item,
                "tolerationSeconds",
                at_least=-TOLERATION_S_MAX,
                at_most=TOLERATION_S_MAX,
                default=TOLERATION_S_MAX,
            )
            stated = item.get("tolerationSeconds") is not None
            return PodTraits(max(0.0, float(seconds)) if stated else float("inf"), storage_class)
    return PodTraits(TOLERATION_S_DEFAULT, storage_class)


def _tolerates(toleration: Mapping[str, object]) -> bool:
    """Tell whether a toleration matches unreachable:NoExecute (Kubernetes v1helper ToleratesTaint)."""
    if toleration.get("effect", "") not in ("", "NoExecute"):
        return False
    key, operator = toleration.get("key", ""), toleration.get("operator", "Equal")
    if operator == "Exists":
        return key in ("", UNREACHABLE)
    return key == UNREACHABLE and toleration.get("value", "") == ""
