"""A pod's spec from YAML: what decides where it may run. A field that would decide it and is not modelled is refused.

Sources (Kubernetes v1.29): PodSpec in staging/src/k8s.io/api/core/v1/types.go; a pod's request is the sum of its
containers', or the largest of its init containers' if that is more (pkg/api/v1/resource/helpers.go PodRequests); a
limit stands for a request that is not stated (pkg/apis/core/v1/defaults.go); every pod tolerates its node being
unreachable or not ready (plugin/pkg/admission/defaulttolerationseconds).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from workbench.errors import BadInput
from workbench.model.scheduling.objects import (
    UNSTATED_CPU_M,
    UNSTATED_MEMORY_BYTES,
    Pod,
    Requests,
    Selector,
    Toleration,
)
from workbench.model.scheduling.terms import (
    NOT_MODELLED,
    check_keys,
    entries,
    node_preferences,
    node_terms,
    pod_preferences,
    pod_terms,
    spread_constraints,
    tolerations,
)
from workbench.topology.documents import Node as YamlNode
from workbench.topology.fields import Reader, near
from workbench.units import quantity

SCHEDULER: Final = "default-scheduler"
# pkg/apis/scheduling/types.go: SystemCriticalPriority and 1000 more.
SYSTEM_PRIORITIES: Final = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
PRIORITY_MAX: Final = 2_000_001_000
NODE_TROUBLE: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")

_READ: Final = (
    "affinity",
    "containers",
    "hostNetwork",
    "initContainers",
    "nodeSelector",
    "preemptionPolicy",
    "priority",
    "priorityClassName",
    "schedulerName",
    "tolerations",
    "topologySpreadConstraints",
    "volumes",
)
_OF_NO_WEIGHT: Final = (  # fields that decide nothing about the node
    "activeDeadlineSeconds",
    "automountServiceAccountToken",
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "hostAliases",
    "hostIPC",
    "hostPID",
    "hostUsers",
    "hostname",
    "imagePullSecrets",
    "readinessGates",
    "restartPolicy",
    "securityContext",
    "serviceAccount",
    "serviceAccountName",
    "setHostnameAsFQDN",
    "shareProcessNamespace",
    "subdomain",
    "terminationGracePeriodSeconds",
)
# Volumes that VolumeRestrictions or the limits of attached disks look at.
_ATTACHED: Final = ("awsElasticBlockStore", "azureDisk", "cinder", "csi", "gcePersistentDisk", "iscsi", "rbd")


class PodSpec:
    """Reads one pod's spec; `key` is its dotted path in its document, `priorities` the PriorityClasses by name."""

    def __init__(self, reader: Reader, node: YamlNode, key: str, priorities: Mapping[str, int]) -> None:
        self.reader = reader
        self.node = node
        self.key = key
        self.priorities = {**SYSTEM_PRIORITIES, **priorities}

    def pod(
        self, name: str, namespace: str, owner: str, labels: Mapping[str, str], default_selector: Selector | None
    ) -> Pod:
        """Return a pod of this spec. What is wrong or not modelled is noted."""
        reader, node, key = self.reader, self.node, self.key
        self._check()
        affinity = node.get("affinity") or YamlNode({}, node.place)
        path = f"{key}.affinity"
        self._check_affinity(affinity, path)
        selector = reader.settings(node, "nodeSelector")
        return Pod(
            name=name,
            namespace=namespace,
            owner=owner,
            labels=labels,
            requests=self._requests(),
            priority=self._priority(),
            node_selector=Selector.of(selector) if selector else None,
            node_terms=node_terms(reader, affinity, path),
            node_preferences=node_preferences(reader, affinity, path),
            affinity=pod_terms(reader, affinity, "podAffinity", path, namespace),
            anti_affinity=pod_terms(reader, affinity, "podAntiAffinity", path, namespace),
            preferred_affinity=pod_preferences(reader, affinity, "podAffinity", path, namespace),
            preferred_anti_affinity=pod_preferences(reader, affinity, "podAntiAffinity", path, namespace),
            tolerations=self._tolerations(),
            spread=spread_constraints(
                reader, node.get("topologySpreadConstraints"), f"{key}.topologySpreadConstraints"
            ),
            default_selector=default_selector,
        )

    def claims(self) -> list[YamlNode]:
        """Return the names of the claims that the pod's volumes refer to."""
        found = []
        for below, volume in entries(self.node.get("volumes"), f"{self.key}.volumes"):
            for kind in _ATTACHED:
                attached = volume.get(kind)
                if attached is not None:
                    self.reader.note(attached.place, f"{below}.{kind}", NOT_MODELLED, "a claim, or a volume of the pod")
            claim = volume.get("persistentVolumeClaim", "claimName")
            if claim is not None:
                found.append(claim)
        return found

    def _check(self) -> None:
        check_keys(self.reader, self.node, self.key, (*_READ, *_OF_NO_WEIGHT))
        scheduler = self.node.get("schedulerName")
        if scheduler is not None and scheduler.plain != SCHEDULER:
            self.reader.note(scheduler.place, f"{self.key}.schedulerName", scheduler.plain, SCHEDULER)
        if self.reader.truth(self.node, "hostNetwork", default=False):
            place = (self.node.get("hostNetwork") or self.node).place
            self.reader.note(place, f"{self.key}.hostNetwork", NOT_MODELLED, "false: host ports are not modelled")

    def _check_affinity(self, affinity: YamlNode, path: str) -> None:
        check_keys(self.reader, affinity, path, ("nodeAffinity", "podAffinity", "podAntiAffinity"))
        for kind, child in affinity.fields.items():
            known = [f"{each}DuringSchedulingIgnoredDuringExecution" for each in ("required", "preferred")]
            check_keys(self.reader, child, f"{path}.{kind}", known)

    def _tolerations(self) -> tuple[Toleration, ...]:
        stated = tolerations(self.reader, self.node.get("tolerations"), f"{self.key}.tolerations")
        return stated + tuple(Toleration(key, "Exists", "", "NoExecute") for key in NODE_TROUBLE)

    def _priority(self) -> int:
        name = self.node.text("priorityClassName")
        if name and name not in self.priorities:
            place = (self.node.get("priorityClassName") or self.node).place
            bound = "a PriorityClass among the manifests, or one of the system's" + near(name, self.priorities)
            self.reader.note(place, f"{self.key}.priorityClassName", name, bound)
        default = self.priorities.get(name, 0)
        return self.reader.whole(self.node, "priority", at_least=-(2**31), at_most=PRIORITY_MAX, default=default)

    def _requests(self) -> Requests:
        containers = [self._container(*each) for each in entries(self.node.get("containers"), f"{self.key}.containers")]
        if not containers:
            place = (self.node.get("containers") or self.node).place
            self.reader.note(place, f"{self.key}.containers", "missing", "at least one container")
        first = []
        for below, child in entries(self.node.get("initContainers"), f"{self.key}.initContainers"):
            if child.get("restartPolicy") is not None:
                self.reader.note(child.place, f"{below}.restartPolicy", NOT_MODELLED, "init containers that end")
            first.append(self._container(below, child))
        sums = [sum(column) for column in zip(*containers, strict=True)] if containers else [0] * 4
        return Requests(*(max(column) for column in zip(sums, *first, strict=True)))

    def _container(self, key: str, node: YamlNode) -> tuple[int, int, int, int]:
        """Return millicores, bytes, and both as they count where unstated requests count too."""
        for below, port in entries(node.get("ports"), f"{key}.ports"):
            if port.get("hostPort") is not None:
                self.reader.note(port.place, f"{below}.hostPort", NOT_MODELLED, "no port of the node's")
        resources = node.get("resources") or YamlNode({}, node.place)
        check_keys(self.reader, resources, f"{key}.resources", ("requests", "limits"))
        for part in ("requests", "limits"):
            listed = resources.get(part)
            if listed is not None:
                check_keys(self.reader, listed, f"{key}.resources.{part}", ("cpu", "memory"))
        cpu_m = self._amount(resources, f"{key}.resources", "cpu", 1000)
        memory_bytes = self._amount(resources, f"{key}.resources", "memory", 1)
        return (
            cpu_m or 0,
            memory_bytes or 0,
            UNSTATED_CPU_M if cpu_m is None else cpu_m,
            UNSTATED_MEMORY_BYTES if memory_bytes is None else memory_bytes,
        )

    def _amount(self, resources: YamlNode, key: str, name: str, per_unit: int) -> int | None:
        for part in ("requests", "limits"):
            stated = resources.get(part, name)
            if stated is not None:
                return amount(self.reader, stated, f"{key}.{part}.{name}", per_unit)
        return None


def amount(reader: Reader, node: YamlNode, key: str, per_unit: int) -> int:
    """Return a quantity in whole parts (1000 per core, 1 per byte), rounded up as Kubernetes does."""
    try:
        return math.ceil(round(quantity(str(node.plain)) * per_unit, 6))
    except BadInput:
        reader.note(node.place, key, node.plain, "a quantity, such as 500m, 2 or 1Gi")
        return 0
