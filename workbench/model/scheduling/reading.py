"""Pods and nodes from Kubernetes YAML: a file, or a kustomization folder as the hub's manifests are.

Every problem is reported together. Kinds that make pods and are not read here are listed as left out, never dropped in
silence; so is what an operator adds. A pod of a Deployment has a number here where Kubernetes gives it a random name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from workbench.errors import BadInput, Problem
from workbench.model.scheduling.matching import selects
from workbench.model.scheduling.objects import HOSTNAME, Node, Pod, Selector
from workbench.model.scheduling.operators import REPLICAS_MAX, SIDE_PODS, kafka_pods, node_pool_pods, postgres_pods
from workbench.model.scheduling.pod_spec import PRIORITY_MAX, PodSpec, amount
from workbench.model.scheduling.terms import entries, hostnames, label_selector, taints
from workbench.topology.documents import Node as YamlNode
from workbench.topology.documents import read_documents, shown
from workbench.topology.fields import Reader, near
from workbench.topology.finding import DEPLOYMENT, KAFKA, KUBEGRES, NODE_POOL, STATEFUL_SET
from workbench.topology.rendering import render_nodes

DEFAULT_NAMESPACE: Final = "default"
# Kinds that stand for no pod, so that nothing is left out where they are not read.
NO_PODS: Final = frozenset(
    {
        "ClusterRole",
        "ClusterRoleBinding",
        "CiliumNetworkPolicy",
        "ConfigMap",
        "KafkaTopic",
        "KafkaUser",
        "LimitRange",
        "Namespace",
        "NetworkPolicy",
        "Node",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "PodDisruptionBudget",
        "PriorityClass",
        "ResourceQuota",
        "Role",
        "RoleBinding",
        "Secret",
        "Service",
        "ServiceAccount",
        "StorageClass",
    }
)


@dataclass(frozen=True)
class Workloads:
    """Pods in the order of their documents, and what stands in the manifests and was not made into pods."""

    pods: tuple[Pod, ...]
    left_out: tuple[str, ...]


def read_workloads(path: Path) -> Workloads:
    """Return the pods that a YAML file or kustomization folder stands for.

    Raises BadInput with every problem at once: what cannot be rendered, a wrong value, and every field that decides
    placement and is not modelled, by its name.
    """
    reader = Reader()
    workloads = _Workloads(reader, _documents(path)).read()
    for key, count in Counter(pod.key for pod in workloads.pods).items():
        if count > 1:
            reader.problems.append(Problem(shown(path), "metadata.name", f"that of {count} pods, {key}", "one of each"))
    if reader.problems:
        unique = list(dict.fromkeys(reader.problems))
        raise BadInput(f"{shown(path)} cannot be placed as Kubernetes would", unique)
    if not workloads.pods:
        problem = Problem(shown(path), "", "without a pod", "Pods, Deployments, StatefulSets, a Kafka or a Kubegres")
        raise BadInput(
            "nothing to place", [problem, *(Problem(shown(path), "", "", out) for out in workloads.left_out)]
        )
    return workloads


def read_nodes(path: Path) -> list[Node]:
    """Return the Nodes of a YAML file (`kubectl get nodes -o yaml` gives one). Raises BadInput.

    A node without the label kubernetes.io/hostname gets its name there, as its kubelet would say.
    """
    reader = Reader()
    nodes = [_node(reader, document) for document in _documents(path) if document.text("kind") == "Node"]
    if not nodes:
        reader.problems.append(Problem(shown(path), "", "without a Node", "at least one document of kind Node"))
    names = [node.name for node in nodes]
    for name in sorted({name for name in names if names.count(name) > 1}):
        reader.problems.append(Problem(shown(path), "metadata.name", name, "a name that no other node has"))
    if reader.problems:
        raise BadInput(f"{shown(path)} does not describe nodes", list(dict.fromkeys(reader.problems)))
    return nodes


def _documents(path: Path) -> list[YamlNode]:
    """Return the documents of a file or folder, those inside a List as if they stood alone."""
    found = list(render_nodes(path).values()) if path.is_dir() else read_documents(path)
    return [each for one in found for each in (one.get("items") or one).items or [one]]


def _node(reader: Reader, document: YamlNode) -> Node:
    name = reader.text(document, "metadata", "name")
    room = {}
    for resource, per_unit in (("cpu", 1000), ("memory", 1), ("pods", 1)):
        path = ("status", "allocatable", resource)
        stated = reader.find(document, path, "what pods may request of the node")
        room[resource] = amount(reader, stated, ".".join(path), per_unit) if stated else 0
    return Node(
        name=name,
        cpu_m=room["cpu"],
        memory_bytes=room["memory"],
        pods=room["pods"],
        labels={HOSTNAME: name, **reader.settings(document, "metadata", "labels")},
        taints=taints(reader, document.get("spec", "taints")),
        unschedulable=reader.truth(document, "spec", "unschedulable", default=False),
    )


class _Workloads:
    """Makes pods of documents; services, claims, volumes and priorities are looked up among all of them."""

    def __init__(self, reader: Reader, documents: Sequence[YamlNode]) -> None:
        self.reader = reader
        self.documents = documents
        self.left_out: list[str] = []
        self.priorities = {
            each.text("metadata", "name"): reader.whole(each, "value", at_least=-(2**31), at_most=PRIORITY_MAX)
            for each in self._of_kind("PriorityClass")
        }
        for each in self._of_kind("PriorityClass"):
            if reader.truth(each, "globalDefault", default=False):
                self.priorities[""] = self.priorities[each.text("metadata", "name")]

    def read(self) -> Workloads:
        """Return all pods."""
        makers: dict[tuple[str, str], Callable[[YamlNode], list[Pod]]] = {
            ("v1", "Pod"): self._bare,
            DEPLOYMENT: self._replicas,
            STATEFUL_SET: self._replicas,
            KAFKA: self._kafka,
            NODE_POOL: lambda node: node_pool_pods(self.reader, node, _namespace(node), self.priorities),
            KUBEGRES: lambda node: postgres_pods(self.reader, node, _namespace(node), self.priorities),
        }
        pods: list[Pod] = []
        for document in self.documents:
            kind = document.text("kind")
            make = makers.get((document.text("apiVersion"), kind))
            if make is not None:
                pods += make(document)
            elif kind not in NO_PODS:
                self.left_out.append(
                    f"{kind or 'a document without a kind'} {document.text('metadata', 'name')}".strip()
                )
        return Workloads(tuple(pods), tuple(self.left_out))

    def _of_kind(self, kind: str) -> list[YamlNode]:
        return [each for each in self.documents if each.text("kind") == kind]

    def _bare(self, document: YamlNode) -> list[Pod]:
        spec = self.reader.find(document, ("spec",), "a pod's spec")
        if spec is None:
            return []
        read = PodSpec(self.reader, spec, "spec", self.priorities)
        pod = self._pod(document, read, document, self.reader.text(document, "metadata", "name"), None)
        return [replace(pod, volume_hostnames=self._hosts(read.claims(), pod.namespace, {}))]

    def _replicas(self, document: YamlNode) -> list[Pod]:
        template = self.reader.find(document, ("spec", "template"), "a pod template")
        spec = template.get("spec") if template else None
        if template is None or spec is None:
            return []
        name = self.reader.text(document, "metadata", "name")
        replicas = self.reader.whole(document, "spec", "replicas", at_least=0, at_most=REPLICAS_MAX, default=1)
        selector = label_selector(self.reader, document.get("spec", "selector"), "spec.selector")
        read = PodSpec(self.reader, spec, "spec.template.spec", self.priorities)
        pod = self._pod(document, read, template, name, selector)
        if not selects(selector, pod.labels):
            place = (document.get("spec", "selector") or document).place
            self.reader.note(place, "spec.selector", "not met by the template's labels", "one that selects its pods")
        claims = read.claims()
        templates = [claim for _, claim in entries(document.get("spec", "volumeClaimTemplates"), "")]
        pods = []
        for index in range(replicas):
            made = {f"{claim.text('metadata', 'name')}-{name}-{index}": claim for claim in templates}
            hosts = self._hosts(claims, pod.namespace, made)
            pods.append(replace(pod, name=f"{name}-{index}", volume_hostnames=hosts))
        return pods

    def _kafka(self, document: YamlNode) -> list[Pod]:
        for key, what in SIDE_PODS.items():
            if document.get("spec", key) is not None:
                self.left_out.append(f"{what} of Kafka {document.text('metadata', 'name')}")
        return kafka_pods(self.reader, document, _namespace(document), self.priorities)

    def _pod(self, document: YamlNode, read: PodSpec, labelled: YamlNode, name: str, selector: Selector | None) -> Pod:
        """Return a document's pod; `labelled` is where its labels stand, `selector` its owner's."""
        namespace = _namespace(document)
        labels = self.reader.settings(labelled, "metadata", "labels")
        owner = f"{document.text('kind')} {document.text('metadata', 'name')}" if selector is not None else ""
        return read.pod(name, namespace, owner, labels, self._default_selector(namespace, labels, selector))

    def _hosts(self, claims: Sequence[YamlNode], namespace: str, made: Mapping[str, YamlNode]) -> frozenset[str] | None:
        """Return the hosts that all bound volumes of a pod are on; None if none is bound.

        `made` are claims that are made with the pod, by their names.
        """
        hosts: frozenset[str] | None = None
        for claim in [*claims, *(YamlNode(name, node.place) for name, node in made.items())]:
            found = self._claim_hosts(claim, namespace, str(claim.plain) in made)
            if found is not None:
                hosts = found if hosts is None else hosts & found
        return hosts

    def _default_selector(self, namespace: str, labels: Mapping[str, str], owner: Selector | None) -> Selector | None:
        """Return the selectors of a pod's services and of its owner together; None without any."""
        of_services: dict[str, str] = {}
        for service in self._of_kind("Service"):
            selector = self.reader.settings(service, "spec", "selector")
            if selector and _namespace(service) == namespace and selects(Selector.of(selector), labels):
                of_services.update(selector)
        requirements = Selector.of(of_services).requirements + (owner.requirements if owner else ())
        return Selector(requirements) if requirements else None

    def _claim_hosts(self, claim: YamlNode, namespace: str, made_with_pod: bool) -> frozenset[str] | None:
        """Return the hosts of the volume that a claim is bound to; None while it is bound to none."""
        name = str(claim.plain)
        claims = {each.text("metadata", "name"): each for each in self._of_kind("PersistentVolumeClaim")}
        stated = claims.get(name)
        if stated is None or _namespace(stated) != namespace:
            if not made_with_pod:
                bound = f"a PersistentVolumeClaim in namespace {namespace} among the manifests{near(name, claims)}"
                self.reader.note(claim.place, "persistentVolumeClaim.claimName", name, bound)
            return None
        volume_name = stated.text("spec", "volumeName")
        volumes = {each.text("metadata", "name"): each for each in self._of_kind("PersistentVolume")}
        if volume_name and volume_name not in volumes:
            bound = f"a PersistentVolume among the manifests{near(volume_name, volumes)}"
            self.reader.note(stated.place, "spec.volumeName", volume_name, bound)
        return hostnames(self.reader, volumes[volume_name]) if volume_name in volumes else None


def _namespace(document: YamlNode) -> str:
    return document.text("metadata", "namespace") or DEFAULT_NAMESPACE
