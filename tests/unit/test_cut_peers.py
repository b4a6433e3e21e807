"""Whose addresses a broker's pod is cut off from: pods, the Services that have only them behind, and other nodes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from workbench.errors import BadInput
from workbench.target.kubernetes.api import Api
from workbench.target.kubernetes.cut_off import Cut, broker_cut
from workbench.target.throwaway import cutting
from workbench.target.throwaway.cutting import PodNetwork

NAMESPACE = "central-hub"
KAFKA, ZOOKEEPER = "hub-kafka", "hub-zookeeper"


def a_pod(name: str, kind: str, address: str, node: str) -> Any:
    """Return a pod as the Kubernetes client gives it, as far as it is looked at."""
    return SimpleNamespace(
        metadata=SimpleNamespace(name=name, uid=f"uid-{name}", labels={"strimzi.io/name": kind, "app": kind}),
        spec=SimpleNamespace(node_name=node),
        status=SimpleNamespace(pod_ip=address),
    )


def a_service(name: str, selector: dict[str, str] | None, address: str) -> Any:
    """Return a Service likewise."""
    return SimpleNamespace(
        metadata=SimpleNamespace(name=name), spec=SimpleNamespace(selector=selector, cluster_ip=address)
    )


def a_node(name: str, address: str) -> Any:
    """Return a node likewise."""
    addresses = [SimpleNamespace(type="Hostname", address=name), SimpleNamespace(type="InternalIP", address=address)]
    return SimpleNamespace(metadata=SimpleNamespace(name=name), status=SimpleNamespace(addresses=addresses))


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    """A cluster of two nodes with two brokers, a ZooKeeper server and Redis; every pod runs here."""
    pods = [
        a_pod("hub-kafka-0", KAFKA, "10.0.1.1", "worker-1"),
        a_pod("hub-kafka-1", KAFKA, "10.0.2.1", "worker-2"),
        a_pod("hub-zookeeper-0", ZOOKEEPER, "10.0.1.2", "worker-1"),
        a_pod("redis-0", "redis", "10.0.2.2", "worker-2"),
    ]
    services = [
        a_service("hub-kafka-bootstrap", {"app": KAFKA}, "10.96.0.1"),
        a_service("hub-zookeeper-client", {"app": ZOOKEEPER}, "10.96.0.2"),
        a_service("hub-zookeeper-nodes", {"app": ZOOKEEPER}, "None"),
        a_service("outside", None, "10.96.0.3"),
        a_service("empty", {"app": "nobody"}, "10.96.0.4"),
    ]
    nodes = [a_node("worker-1", "172.30.0.11"), a_node("worker-2", "172.30.0.12")]
    core = SimpleNamespace(
        list_namespaced_pod=lambda _: SimpleNamespace(items=pods),
        list_namespaced_service=lambda _: SimpleNamespace(items=services),
        list_node=lambda: SimpleNamespace(items=nodes),
    )
    monkeypatch.setattr(cutting, "network_of", lambda _: PodNetwork(1))
    return cast(Api, SimpleNamespace(core=core))


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (Cut.BROKERS, {"10.0.1.1", "10.96.0.1"}),
        (Cut.ZOOKEEPER, {"10.0.1.2", "10.96.0.2"}),
        (Cut.EVERYBODY, {"10.0.1.1", "10.0.1.2", "10.0.2.2", "10.96.0.1", "10.96.0.2", "172.30.0.11"}),
    ],
)
def test_whom_a_broker_is_cut_off_from(api: Api, kind: Cut, wanted: set[str]) -> None:
    """Neither itself nor its own node, no Service without an address, none with nobody behind it."""
    assert set(broker_cut(api, NAMESPACE, 1, kind).peers) == wanted


def test_a_broker_that_is_not_there_is_not_cut_off(api: Api) -> None:
    """Those that are there are named."""
    with pytest.raises(BadInput, match="hub-kafka-0, hub-kafka-1"):
        broker_cut(api, NAMESPACE, 7, Cut.BROKERS)


def test_a_pod_elsewhere_cannot_be_cut_off() -> None:
    """Its network is not this machine's: said before anything happens."""
    with pytest.raises(BadInput, match="this machine"):
        cutting.network_of("00000000-0000-0000-0000-000000000000")
