"""Nodes and pods as the scheduler sees them: what its filters and scores read, and nothing else.

Left out: host ports, images, extended resources and ephemeral storage, restartable init containers, scheduling
gates, resource claims. Manifests that state one are refused by name (workbench.model.scheduling.reading).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

HOSTNAME: Final = "kubernetes.io/hostname"  # k8s.io/api v1.29 core/v1/well_known_labels.go LabelHostname
ZONE: Final = "topology.kubernetes.io/zone"  # the same, LabelTopologyZone
# A container that states no request counts as this in LeastAllocated (v1.29 pkg/scheduler/util/pod_resources.go).
UNSTATED_CPU_M: Final = 100
UNSTATED_MEMORY_BYTES: Final = 200 * 1024 * 1024


@dataclass(frozen=True)
class Requirement:
    """One expression over labels: In, NotIn, Exists, DoesNotExist, and Gt, Lt for nodes."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Selector:
    """Expressions that must all hold; one without any holds for everything. None stands for "nothing" elsewhere."""

    requirements: tuple[Requirement, ...] = ()

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> Selector:
        """Return the selector of labels that must be equal."""
        return cls(tuple(Requirement(key, "In", (value,)) for key, value in labels.items()))


@dataclass(frozen=True)
class Taint:
    """What keeps pods off a node. Effects: NoSchedule, PreferNoSchedule, NoExecute."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True)
class Toleration:
    """What lets a pod onto a tainted node; an empty key or effect holds for every one."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


@dataclass(frozen=True)
class Node:
    """One machine: what pods may request of it (millicores, bytes, pods), its labels and taints."""

    name: str
    cpu_m: int
    memory_bytes: int
    pods: int
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    unschedulable: bool = False


@dataclass(frozen=True)
class NodePreference:
    """A preferred node affinity term: its weight counts for every node that it selects."""

    weight: int
    selector: Selector


@dataclass(frozen=True)
class PodTerm:
    """Pods (by labels and namespace) and the node label whose value makes two nodes one domain."""

    topology_key: str
    selector: Selector | None
    namespaces: frozenset[str]
    all_namespaces: bool = False


@dataclass(frozen=True)
class PodPreference:
    """A preferred pod affinity or anti-affinity term."""

    weight: int
    term: PodTerm


@dataclass(frozen=True)
class SpreadConstraint:
    """One topologySpreadConstraint; a hard one is DoNotSchedule, a soft one ScheduleAnyway."""

    max_skew: int
    topology_key: str
    hard: bool
    selector: Selector | None


@dataclass(frozen=True)
class Requests:
    """What a pod asks for (millicores, bytes), and what it counts as where unstated requests count too."""

    cpu_m: int = 0
    memory_bytes: int = 0
    counted_cpu_m: int = UNSTATED_CPU_M
    counted_memory_bytes: int = UNSTATED_MEMORY_BYTES


@dataclass(frozen=True)
class Pod:
    """One pod and all that decides where it may run."""

    name: str
    namespace: str = "default"
    owner: str = ""  # what made it: "Deployment event-processor"; "" for a bare pod
    labels: Mapping[str, str] = field(default_factory=dict)
    requests: Requests = Requests()
    priority: int = 0
    node_selector: Selector | None = None  # None: every node
    node_terms: tuple[Selector, ...] | None = None  # required node affinity, one must hold; None: every node
    node_preferences: tuple[NodePreference, ...] = ()
    affinity: tuple[PodTerm, ...] = ()
    anti_affinity: tuple[PodTerm, ...] = ()
    preferred_affinity: tuple[PodPreference, ...] = ()
    preferred_anti_affinity: tuple[PodPreference, ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    spread: tuple[SpreadConstraint, ...] = ()
    default_selector: Selector | None = None  # of its services and its owner, for the built-in soft spread
    volume_hostnames: frozenset[str] | None = None  # where its bound local volumes are; None: anywhere

    @property
    def has_pod_terms(self) -> bool:
        """Tell whether it wants to be near or away from other pods."""
        return bool(self.affinity or self.anti_affinity or self.preferred_affinity or self.preferred_anti_affinity)

    @property
    def key(self) -> str:
        """Return namespace/name."""
        return f"{self.namespace}/{self.name}"
