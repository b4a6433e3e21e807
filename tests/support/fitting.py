"""The reference hub's workloads as objects of their own, and nodes of its workers' size that only the API knows.

Beside what an overlay states: what the operators make of their resources (the throwaway cluster's stand-ins), each
mesh pod's sidecar, prometheus-operator's reloaders, and what is installed by reference. Namespaces and classes get a
prefix, so that nothing meets what else is on the cluster; each pod wants a node of these; each volume is one of those
that are there for every node, bound when its pod is placed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.support.manifest_capacity import RELOADER, SIDECAR_LABEL, installed, sidecar
from tests.support.manifest_pods import Resource, pods
from workbench.target.throwaway.addons import FAKE_TAINT
from workbench.target.throwaway.hub.kubegres import Kubegres
from workbench.target.throwaway.hub.strimzi import Strimzi
from workbench.target.throwaway.monitoring.operator import alertmanager_objects, prometheus_objects
from workbench.topology import read_topology, render

Object = dict[str, Any]
LABEL: Final = "hub-workbench/fit"
PREFIX: Final = "fit-"
CLASS: Final = "fit-local"
VOLUMES_A_NODE: Final = 20
WORKLOADS: Final = ("Deployment", "StatefulSet", "DaemonSet")
NAMESPACED: Final = ("ServiceAccount", "PersistentVolumeClaim", *WORKLOADS)
IN_KUBE_SYSTEM: Final = "kube-system"


def nodes(names: Sequence[str], cores: float, memory_bytes: float) -> list[Object]:
    """Return KWOK's nodes with so much to give to pods."""
    size = {"cpu": f"{cores * 1000:.0f}m", "memory": f"{memory_bytes / 2**20:.0f}Mi", "pods": "110"}
    return [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": name,
                "annotations": {FAKE_TAINT: "fake"},
                "labels": {LABEL: "true", "type": "kwok", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux"},
            },
            "spec": {},
            "status": {"capacity": dict(size), "allocatable": dict(size)},
        }
        for name in names
    ]


def volumes(names: Sequence[str]) -> list[Object]:
    """Return a class of local volumes, and volumes of it on each node, larger than any claim: nothing limits them."""
    found: list[Object] = [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": CLASS},
            "provisioner": "kubernetes.io/no-provisioner",
            "volumeBindingMode": "WaitForFirstConsumer",
        }
    ]
    for name in names:
        terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [name]}]}]
        found += [
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": f"{name}-{number}", "labels": {LABEL: "true"}},
                "spec": {
                    "capacity": {"storage": "300Gi"},
                    "accessModes": ["ReadWriteOnce"],
                    "storageClassName": CLASS,
                    "persistentVolumeReclaimPolicy": "Delete",
                    "local": {"path": f"/data/{number}"},
                    "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
                },
            }
            for number in range(VOLUMES_A_NODE)
        ]
    return found


def hub(manifests: Path) -> list[Object]:
    """Return every namespace, account, quota, claim and workload of an overlay and of its operators."""
    rendered = render(manifests)
    stated = [dict(each) for each in rendered if each["kind"] in (*NAMESPACED, "Namespace", "PriorityClass")]
    made = [each for each in _operated(manifests, rendered) if each["kind"] in NAMESPACED]
    whole = [_own(each) for each in json.loads(json.dumps([*stated, *made, *_installed(rendered)]))]
    for each in whole:
        if each["kind"] in WORKLOADS:
            _complete(each, rendered)
    order = ("Namespace", "PriorityClass", *NAMESPACED)
    system = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{PREFIX}{IN_KUBE_SYSTEM}"}}
    return sorted([*whole, system], key=lambda each: order.index(each["kind"]))


def _operated(manifests: Path, rendered: Sequence[Resource]) -> Iterator[Object]:
    def only(kind: str) -> Resource:
        (found,) = (each for each in rendered if each["kind"] == kind)
        return found

    strimzi = Strimzi(only("Kafka"), read_topology(manifests))
    yield from strimzi.objects()
    yield strimzi.brokers()
    yield from Kubegres(only("Kubegres")).objects()
    for each in (*prometheus_objects(only("Prometheus"), "", {}), *alertmanager_objects(only("Alertmanager"), "")):
        if each["kind"] == "StatefulSet":
            each["spec"]["template"]["spec"]["containers"].append(_container("config-reloader", *RELOADER))
        yield each
    for pod in pods([only("Kafka")]):  # the operators beside the brokers, which the stand-in leaves out
        part = pod.owner.rpartition(" ")[2]
        if part in ("entityOperator", "kafkaExporter"):
            containers = [{**each, "name": f"{part.lower()}-{index}"} for index, each in enumerate(pod.containers)]
            yield _workload("Deployment", f"hub-{part.lower()}", pod.namespace, containers, pod.replicas, pod.labels)


def _installed(rendered: Sequence[Resource]) -> Iterator[Object]:
    for name, stated in installed(rendered).items():
        container = {"name": name, "resources": {"requests": {key: stated[key] for key in ("cpu", "memory")}}}
        kind = "DaemonSet" if "per_worker" in stated else "Deployment"
        made = _workload(kind, name, IN_KUBE_SYSTEM, [container], int(stated.get("pods", 1)), {})
        if "priority" in stated:
            made["spec"]["template"]["spec"]["priorityClassName"] = stated["priority"]
        yield made


def _workload(
    kind: str, name: str, namespace: str, containers: Sequence[Object], replicas: int, labels: Mapping[str, str]
) -> Object:
    own = {"hub-workbench/part": name, **{key: each for key, each in labels.items() if key == SIDECAR_LABEL}}
    spec: Object = {"selector": {"matchLabels": {"hub-workbench/part": name}}}
    spec |= {} if kind == "DaemonSet" else {"replicas": replicas}
    filled = [{"image": "none", "securityContext": {"privileged": False}, **each} for each in containers]
    spec["template"] = {"metadata": {"labels": own}, "spec": {"containers": filled}}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


def _container(name: str, cores: float, memory_bytes: float) -> Object:
    requests = {"cpu": f"{cores * 1000:.0f}m", "memory": f"{memory_bytes / 2**20:.0f}Mi"}
    return {"name": name, "image": "none", "resources": {"requests": requests}}


def _own(each: Object) -> Object:
    """Return an object in the trial's own namespaces, with its volumes of the trial's class."""
    metadata = each["metadata"]
    metadata.pop("ownerReferences", None)
    if each["kind"] == "Namespace":
        metadata["name"] = PREFIX + metadata["name"]
        metadata["labels"] = {}  # which pods are let in is not the question here
    elif "namespace" in metadata:
        metadata["namespace"] = PREFIX + metadata["namespace"]
    claims = [each] if each["kind"] == "PersistentVolumeClaim" else each.get("spec", {}).get("volumeClaimTemplates", [])
    for claim in claims:
        claim["spec"]["storageClassName"] = CLASS
    return each


def _complete(each: Object, rendered: Sequence[Resource]) -> None:
    """Give a workload's pods their sidecar, and let them on the trial's nodes alone."""
    template = each["spec"]["template"]
    spec = template["spec"]
    spec["nodeSelector"] = {**spec.get("nodeSelector", {}), LABEL: "true"}
    if template["metadata"].get("labels", {}).get(SIDECAR_LABEL) == "true":
        spec["containers"].append(_container("istio-proxy", *sidecar(rendered)))
