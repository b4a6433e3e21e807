"""Which pod is which server of the hub: by the names and labels that the manifests and the operators give them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from workbench.topology.hub import HubTopology

APPLICATION: Final = "app.kubernetes.io/name"
POSTGRES_NUMBER: Final = "index"  # Kubegres's label of an instance
METRICS_PORT: Final = "metrics"


@dataclass(frozen=True)
class HubPod:
    """One pod of the hub now."""

    name: str  # the workbench's name of the server: "kafka-1"
    pod: str  # the pod's own
    uid: str
    node: str
    address: str
    image: str
    ready: bool
    ports: Mapping[str, int]  # of its container, by name


def hub_pods(pods: Iterable[Any], topology: HubTopology) -> tuple[HubPod, ...]:
    """Return the hub's pods among those of its namespace (V1Pod of the Kubernetes client), by server's name."""
    living = [pod for pod in pods if pod.metadata.deletion_timestamp is None and pod.spec.node_name]
    names = _of_operators(living, topology)
    for application in (topology.processors.name, topology.gateways.name):
        mine = [pod for pod in living if _label(pod, APPLICATION) == application]
        names |= {
            pod.metadata.name: f"{application}-{index}"
            for index, pod in enumerate(sorted(mine, key=lambda pod: str(pod.metadata.name)))
        }
    found = [_hub_pod(names[pod.metadata.name], pod) for pod in living if pod.metadata.name in names]
    return tuple(sorted(found, key=lambda each: each.name))


def _of_operators(pods: Iterable[Any], topology: HubTopology) -> dict[str, str]:
    """Return pod's name -> server's name of what Strimzi, Kubegres and the StatefulSet of Redis make."""
    kafka = topology.kafka.name
    names = {f"{kafka}-kafka-{broker}": f"kafka-{broker}" for broker in topology.kafka.broker_ids}
    names |= {f"{kafka}-zookeeper-{server - 1}": f"zookeeper-{server}" for server in topology.zookeeper.server_ids}
    names[f"{topology.redis.name}-0"] = "redis-0"
    for pod in pods:
        if _label(pod, "app") == topology.postgres.name and _label(pod, POSTGRES_NUMBER):
            names[pod.metadata.name] = f"postgres-{_label(pod, POSTGRES_NUMBER)}"
    return names


def _hub_pod(name: str, pod: Any) -> HubPod:
    first = pod.spec.containers[0]
    return HubPod(
        name=name,
        pod=pod.metadata.name,
        uid=pod.metadata.uid,
        node=pod.spec.node_name,
        address=pod.status.pod_ip or "",
        image=first.image,
        ready=any(each.type == "Ready" and each.status == "True" for each in pod.status.conditions or ()),
        ports={port.name: port.container_port for port in first.ports or ()},
    )


def _label(pod: Any, name: str) -> str:
    return str((pod.metadata.labels or {}).get(name, ""))
