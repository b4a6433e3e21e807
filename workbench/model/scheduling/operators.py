"""Custom resources as the pods their operators make of them: Strimzi's Kafka and ZooKeeper, Kubegres's Postgres.

Only what decides placement: replicas, requests, affinity, tolerations, spreading, and the labels that the affinities
name. Sources: Strimzi 0.42 (Labels.java: strimzi.io/cluster, kind, name; pods <cluster>-kafka-0 ..), Kubegres 1.16
(templates: label app, pods <name>-1-0 ..). Left out: Strimzi's entity operator, exporters and Cruise Control, JVM
options, the services that operators make (they decide the built-in spreading of pods without constraints), claims
that are not bound yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from workbench.model.scheduling.objects import Pod
from workbench.model.scheduling.pod_spec import PodSpec
from workbench.model.scheduling.terms import check_keys
from workbench.topology.documents import Node as YamlNode
from workbench.topology.fields import Reader
from workbench.topology.kraft import KRAFT

REPLICAS_MAX: Final = 100_000
SIDE_PODS: Final = {
    "entityOperator": "the entity operator",
    "kafkaExporter": "the Kafka exporter",
    "cruiseControl": "Cruise Control",
}
_TEMPLATE_ONLY: Final = ("metadata", "tmpDirSizeLimit")  # of Strimzi's pod template, not of a pod's spec


def kafka_pods(reader: Reader, node: YamlNode, namespace: str, priorities: Mapping[str, int]) -> list[Pod]:
    """Return the pods of a Strimzi `Kafka` resource: ZooKeeper first, as the operator does; none in KRaft mode."""
    cluster = reader.text(node, "metadata", "name")
    pods: list[Pod] = []
    if node.text("metadata", "annotations", KRAFT) == "enabled":
        return pods
    for part in ("zookeeper", "kafka"):
        stated = node.get("spec", part)
        if stated is None:
            continue
        template = stated.get("template", "pod") or YamlNode({}, stated.place)
        fields = {key: child for key, child in template.fields.items() if key not in _TEMPLATE_ONLY}
        spec = _spec(stated, fields)
        labels = {
            **reader.settings(template, "metadata", "labels"),
            "strimzi.io/cluster": cluster,
            "strimzi.io/kind": "Kafka",
            "strimzi.io/name": f"{cluster}-{part}",
        }
        key = f"spec.{part}.template.pod"
        replicas = reader.whole(stated, "replicas", at_least=0, at_most=REPLICAS_MAX)
        pod = PodSpec(reader, spec, key, priorities).pod(cluster, namespace, f"Kafka {cluster}", labels, None)
        pods += [replace(pod, name=f"{cluster}-{part}-{index}") for index in range(replicas)]
    return pods


def node_pool_pods(reader: Reader, node: YamlNode, namespace: str, priorities: Mapping[str, int]) -> list[Pod]:
    """Return the pods of a KafkaNodePool; numbered from 0 here, the operator goes on from pool to pool."""
    pool = reader.text(node, "metadata", "name")
    cluster = node.text("metadata", "labels", "strimzi.io/cluster")
    stated = node.get("spec") or node
    template = stated.get("template", "pod") or YamlNode({}, stated.place)
    fields = {key: child for key, child in template.fields.items() if key not in _TEMPLATE_ONLY}
    labels = {
        **reader.settings(template, "metadata", "labels"),
        "strimzi.io/cluster": cluster,
        "strimzi.io/kind": "Kafka",
        "strimzi.io/name": f"{cluster}-kafka",
        "strimzi.io/pool-name": pool,
    }
    read = PodSpec(reader, _spec(stated, fields), "spec.template.pod", priorities)
    pod = read.pod(cluster, namespace, f"KafkaNodePool {pool}", labels, None)
    replicas = reader.whole(stated, "replicas", at_least=0, at_most=REPLICAS_MAX)
    return [replace(pod, name=f"{cluster}-{pool}-{index}") for index in range(replicas)]


def postgres_pods(reader: Reader, node: YamlNode, namespace: str, priorities: Mapping[str, int]) -> list[Pod]:
    """Return the pods of a Kubegres resource, one a StatefulSet of its own."""
    name = reader.text(node, "metadata", "name")
    stated = node.get("spec") or node
    scheduler = stated.get("scheduler") or YamlNode({}, stated.place)
    check_keys(reader, scheduler, "spec.scheduler", ("affinity", "tolerations"))
    reader.find(stated, ("scheduler", "affinity"), "stated here: what Kubegres itself prefers is not modelled")
    read = PodSpec(reader, _spec(stated, scheduler.fields), "spec.scheduler", priorities)
    pod = read.pod(name, namespace, f"Kubegres {name}", {"app": name}, None)
    replicas = reader.whole(stated, "replicas", at_least=0, at_most=REPLICAS_MAX)
    return [
        replace(pod, name=f"{name}-{index}-0", labels={"app": name, "index": str(index)})
        for index in range(1, replicas + 1)
    ]


def _spec(stated: YamlNode, fields: Mapping[str, YamlNode]) -> YamlNode:
    """Return the spec of a pod with one container that has the resource's requests."""
    resources = stated.get("resources")
    container = YamlNode({"resources": resources} if resources else {}, stated.place)
    return YamlNode({**fields, "containers": YamlNode([container], stated.place)}, stated.place)
