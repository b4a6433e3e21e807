"""The pods that rendered manifests lead to: of workloads, of operators' resources, of what is installed beside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

type Resource = Mapping[str, Any]
WORKLOADS: Final = ("Deployment", "StatefulSet", "DaemonSet")
KAFKA_PARTS: Final = {  # part of the Kafka resource: its pods' suffix, container template, ports beside the listeners
    "kafka": ("kafka", "kafkaContainer", (9090, 9091, 8443, 9404)),
    "zookeeper": ("zookeeper", "zookeeperContainer", (2181, 2888, 3888, 9404)),
    "entityOperator": ("entity-operator", "topicOperatorContainer", (8080, 8081)),
    "kafkaExporter": ("kafka-exporter", "container", (9404,)),
}


@dataclass(frozen=True)
class Pod:
    """Pods of one owner. `containers` hold what the manifest states of each."""

    owner: str  # kind namespace/name
    namespace: str
    labels: Mapping[str, str]
    ports: frozenset[int | str]  # numbers and names
    spec: Mapping[str, Any] = field(default_factory=dict)
    containers: tuple[Mapping[str, Any], ...] = ()
    replicas: int = 1
    each_node: bool = False
    each_its_own_worker: bool = False


def named(resource: Resource) -> str:
    """Return "Kind namespace/name"."""
    meta = resource["metadata"]
    return f"{resource['kind']} {meta.get('namespace', '')}/{meta['name']}"


# What is installed by reference (ConfigMap installed-by-reference) and named by network policies.
BESIDE: Final = (
    Pod("coredns", "kube-system", {"k8s-app": "kube-dns"}, frozenset({53})),
    Pod("istiod", "istio-system", {"app": "istiod"}, frozenset({15012})),
    Pod("strimzi", "strimzi", {"strimzi.io/kind": "cluster-operator"}, frozenset({8080})),
    Pod("ingress-nginx", "ingress-nginx", {"app.kubernetes.io/name": "ingress-nginx"}, frozenset({80, 443})),
)


def pods(resources: Iterable[Resource]) -> list[Pod]:
    """Return the pods of every workload and every operator's resource, in the order of the resources."""
    found: list[Pod] = []
    for resource in resources:
        match resource["kind"]:
            case "Deployment" | "StatefulSet" | "DaemonSet":
                found.append(_of_workload(resource))
            case "Kafka":
                found.extend(_of_kafka(resource))
            case "Kubegres":
                found.extend(_of_kubegres(resource))
            case "Prometheus" | "Alertmanager":
                found.append(_of_prometheus_operator(resource))
    return found


def _of_workload(resource: Resource) -> Pod:
    template = resource["spec"]["template"]
    containers = tuple(template["spec"]["containers"])
    ports = {port[key] for item in containers for port in item.get("ports", ()) for key in ("containerPort", "name")}
    return Pod(
        named(resource),
        resource["metadata"]["namespace"],
        template["metadata"]["labels"],
        frozenset(ports),
        template["spec"],
        containers,
        replicas=resource["spec"].get("replicas", 1),
        each_node=resource["kind"] == "DaemonSet",
    )


def _of_kafka(resource: Resource) -> Iterator[Pod]:
    name, namespace = resource["metadata"]["name"], resource["metadata"]["namespace"]
    for part, (suffix, container, ports) in KAFKA_PARTS.items():
        stated = resource["spec"].get(part)
        if stated is None:
            continue
        listeners = [listener["port"] for listener in stated.get("listeners", ())]
        template = stated.get("template", {})
        sized = [stated[key] for key in ("topicOperator", "userOperator") if key in stated] or [stated]
        security = template.get(container, {}).get("securityContext", {})
        yield Pod(
            f"{named(resource)} {part}",
            namespace,
            {"strimzi.io/cluster": name, "strimzi.io/kind": "Kafka", "strimzi.io/name": f"{name}-{suffix}"}
            | template.get("pod", {}).get("metadata", {}).get("labels", {}),
            frozenset({*ports, *listeners}),
            template.get("pod", {}),
            tuple(
                {"name": part, "resources": item.get("resources", {}), "securityContext": security} for item in sized
            ),
            replicas=stated.get("replicas", 1),
            each_its_own_worker=part in ("kafka", "zookeeper"),
        )


def _of_kubegres(resource: Resource) -> Iterator[Pod]:
    name, namespace, spec = resource["metadata"]["name"], resource["metadata"]["namespace"], resource["spec"]
    container = {"name": "postgres", "image": spec["image"], "resources": spec.get("resources", {}), **spec["probe"]}
    ports = frozenset({spec["port"]})
    security = {"securityContext": spec.get("securityContext", {})}
    yield Pod(named(resource), namespace, {"app": name}, ports, security, (container,), spec["replicas"], False, True)
    # The backup job's pods: sized by the namespace's LimitRange, there for minutes.
    yield Pod(f"{named(resource)} backup", namespace, {"batch.kubernetes.io/job-name": "*"}, frozenset(), replicas=0)


def _of_prometheus_operator(resource: Resource) -> Pod:
    kind, spec = resource["kind"].lower(), resource["spec"]
    port = 9090 if kind == "prometheus" else 9093
    return Pod(
        named(resource),
        resource["metadata"]["namespace"],
        spec["podMetadata"]["labels"],
        frozenset({port}),
        {key: spec[key] for key in ("securityContext", "serviceAccountName", "priorityClassName") if key in spec},
        ({"name": kind, "image": spec["image"], "resources": spec.get("resources", {})},),
        replicas=spec["replicas"],
    )
