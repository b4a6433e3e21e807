"""Whether the hub on a cluster is the one that the manifests tell of: release, operators' resources, servers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from kubernetes import client

from workbench.errors import BadInput, Problem
from workbench.target.kubernetes.api import Api, api_failures
from workbench.target.kubernetes.pods import HubPod
from workbench.topology.hub import HubTopology

RELEASE: Final = "1.29"  # the hub's (manifests/platform); the models of the control plane are checked against it
KAFKAS: Final = "/apis/kafka.strimzi.io/v1beta2"
KUBEGRES: Final = "/apis/kubegres.reactive-tech.io/v1"
MISSING: Final = 404


def check_likeness(api: Api, topology: HubTopology, pods: Sequence[HubPod], wanted: Sequence[str]) -> str:
    """Return the cluster's version; raise BadInput with every difference between the cluster and the manifests.

    `wanted` are the servers that the manifests ask for. Where an operator's kind is not there, nothing of it is
    compared: a stand-in made the pods.
    """
    with api_failures("the cluster could not be asked for its version"):
        version = str(client.VersionApi(api.fresh()).get_code().git_version)
        problems = [*_release(version), *_kafka(api, topology), *_postgres(api, topology), *_servers(pods, wanted)]
    if problems:
        raise BadInput("the cluster's hub is not that of the manifests; nothing was done", problems)
    return version


def _release(version: str) -> Iterator[Problem]:
    if not version.startswith(f"v{RELEASE}."):
        yield Problem("cluster", "Kubernetes", version, f"{RELEASE}, which the manifests are for and the models know")


def _kafka(api: Api, topology: HubTopology) -> Iterator[Problem]:
    kafka = topology.kafka
    found = _resource(api, KAFKAS, "kafkas", kafka.name, topology.namespace)
    if found is not None:
        spec = found["spec"]["kafka"]
        yield from _differs(f"Kafka {kafka.name}", "spec.kafka.version", spec.get("version"), kafka.version)
        if "replicas" in spec:  # in KRaft mode a KafkaNodePool has them
            yield from _differs(f"Kafka {kafka.name}", "spec.kafka.replicas", spec["replicas"], len(kafka.broker_ids))


def _postgres(api: Api, topology: HubTopology) -> Iterator[Problem]:
    postgres = topology.postgres
    found = _resource(api, KUBEGRES, "kubegres", postgres.name, topology.namespace)
    if found is not None:
        yield from _differs(f"Kubegres {postgres.name}", "spec.replicas", found["spec"]["replicas"], postgres.replicas)


def _servers(pods: Sequence[HubPod], wanted: Sequence[str]) -> Iterator[Problem]:
    there = {pod.name for pod in pods}
    for name in sorted(set(wanted) - there):
        yield Problem("cluster", name, "without a pod", "there, as the manifests say")
    for name in sorted(there - set(wanted)):
        yield Problem("cluster", name, "there", "not in the manifests: is this another hub, or has somebody scaled it?")


def _differs(what: str, key: str, found: object, stated: object) -> Iterator[Problem]:
    if found != stated:
        yield Problem(f"cluster: {what}", key, str(found), f"{stated}, as the manifests say")


def _resource(api: Api, group: str, plural: str, name: str, namespace: str) -> dict[str, Any] | None:
    try:
        return api.get(f"{group}/namespaces/{namespace}/{plural}/{name}")
    except client.ApiException as error:
        if error.status == MISSING:
            return None
        raise
