"""A broker of a hub on a cluster cut off: from everybody, from ZooKeeper, or from the other brokers.

The three are different faults. From everybody: as a lost node, its session lapses. Only from ZooKeeper: its session
lapses, while clients and followers still reach it. Only from the other brokers: its session lives, and the partitions
it leads lose their in-sync followers.

A pod may know its peers by their own addresses or by a Service's (brokers know ZooKeeper so): whoever is cut off from
all pods behind a Service is cut off from its address as well. From everybody is from the nodes too, where clients
beside the cluster come in, but not from its own node, whose kubelet goes on probing it.

The cut is made on this machine, in the pod's own network (workbench.target.throwaway.cutting): the pod has to run here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from workbench.errors import BadInput, ToolFailed
from workbench.fault import Fault, FaultType
from workbench.target.kubernetes.api import Api, api_failures
from workbench.target.throwaway import cutting
from workbench.target.throwaway.cutting import PodNetwork
from workbench.waiting import happens

KIND: Final = "strimzi.io/name"
BROKERS, ZOOKEEPER = "-kafka", "-zookeeper"
HEADLESS: Final = "None"
PROOF_TIMEOUT_S: Final = 15.0  # an open connection of Kafka's sends a heartbeat, a ping or a fetch far sooner
PROOF_POLL_S: Final = 0.2
SPARE_S: Final = 5.0  # after its time a cut ends by itself, should nobody end it


class Cut(StrEnum):
    """Whom a broker no longer reaches, nor is reached by."""

    EVERYBODY = "everybody"
    ZOOKEEPER = "zookeeper"
    BROKERS = "brokers"


CUT_OF: Final[Mapping[FaultType, Cut]] = {
    FaultType.CUT_FROM_ALL: Cut.EVERYBODY,
    FaultType.CUT_FROM_ZOOKEEPER: Cut.ZOOKEEPER,
    FaultType.CUT_FROM_BROKERS: Cut.BROKERS,
}


@dataclass(frozen=True)
class BrokerCut:
    """A broker's pod and the addresses it is cut off from."""

    pod: str
    network: PodNetwork
    peers: tuple[str, ...]


@dataclass(frozen=True)
class MadeCut:
    """A cut with its proof. Times: epoch seconds."""

    begun_s: float
    proved_s: float
    packets: int  # of open connections, dropped by then


def broker_cut(api: Api, namespace: str, broker: int, kind: Cut) -> BrokerCut:
    """Return who would be cut off from whom; nothing is cut yet.

    Raises BadInput for a broker that is not there or whose pod does not run on this machine.
    """
    with api_failures("the pods and Services that a broker would be cut off from could not be listed"):
        pods = [pod for pod in api.core.list_namespaced_pod(namespace).items if pod.status.pod_ip]
        services = api.core.list_namespaced_service(namespace).items
        nodes = api.core.list_node().items
    brokers = [pod for pod in pods if _kind(pod).endswith(BROKERS)]
    mine = next((pod for pod in brokers if pod.metadata.name.endswith(f"{BROKERS}-{broker}")), None)
    if mine is None:
        there = ", ".join(pod.metadata.name for pod in brokers) or "there is none"
        raise BadInput(f"no broker {broker} in {namespace}: {there}")
    network = cutting.network_of(mine.metadata.uid)
    peers = {
        Cut.EVERYBODY: pods,
        Cut.ZOOKEEPER: [pod for pod in pods if _kind(pod).endswith(ZOOKEEPER)],
        Cut.BROKERS: brokers,
    }[kind]
    others = [pod for pod in peers if pod is not mine]
    addresses = [*(pod.status.pod_ip for pod in others), *_services(services, pods, [mine, *others])]
    if kind is Cut.EVERYBODY:
        addresses += [_address(node) for node in nodes if node.metadata.name != mine.spec.node_name]
    return BrokerCut(mine.metadata.name, network, tuple(addresses))


def make(chosen: BrokerCut, for_s: float) -> MadeCut:
    """Cut a broker off and wait, bounded, for the proof: packets of open connections are dropped.

    Raises BadInput for what cannot be cut, ToolFailed without a proof; nothing is cut then.
    """
    begun_s = cutting.cut(chosen.network, chosen.peers, for_s)
    if not happens(lambda: cutting.dropped(chosen.network).of_open_connections > 0, PROOF_TIMEOUT_S, PROOF_POLL_S):
        cutting.heal(chosen.network)
        raise ToolFailed(f"{chosen.pod} sent or got nothing that could be dropped in {PROOF_TIMEOUT_S:.0f} s: healed")
    return MadeCut(begun_s, time.time(), cutting.dropped(chosen.network).of_open_connections)


def cut_for(api: Api, namespace: str, fault: Fault, broker: int) -> tuple[BrokerCut, MadeCut]:
    """Cut a broker off as a fault says, until `heal` or a little after its time; return whom, and the proof."""
    chosen = broker_cut(api, namespace, broker, CUT_OF[fault.type])
    return chosen, make(chosen, fault.for_s + SPARE_S)


def _services(services: Sequence[Any], pods: Sequence[Any], cut: Sequence[Any]) -> list[str]:
    """Return the addresses of the Services behind which there are only pods of `cut`."""
    names = {pod.metadata.name for pod in cut}
    found = []
    for service in services:
        behind = {pod.metadata.name for pod in pods if _selects(service.spec.selector or {}, pod)}
        if behind and behind <= names and service.spec.cluster_ip not in (None, "", HEADLESS):
            found.append(str(service.spec.cluster_ip))
    return found


def _selects(selector: Mapping[str, str], pod: Any) -> bool:
    labels = pod.metadata.labels or {}
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def _address(node: Any) -> str:
    return str(next(each.address for each in node.status.addresses if each.type == "InternalIP"))


def _kind(pod: Any) -> str:
    return str((pod.metadata.labels or {}).get(KIND, ""))
