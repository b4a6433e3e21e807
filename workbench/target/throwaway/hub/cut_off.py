"""A broker of the hub on a throwaway cluster cut off: from everybody, from ZooKeeper, or from the other brokers.

The three are different faults. From everybody: as a lost node, its session lapses. Only from ZooKeeper: its session
lapses, while clients and followers still reach it. Only from the other brokers: its session lives, and the partitions
it leads lose their in-sync followers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from workbench.errors import BadInput
from workbench.target.throwaway import cutting
from workbench.target.throwaway.cutting import PodNetwork
from workbench.target.throwaway.hub.kinds import name_of
from workbench.target.throwaway.kubectl import Kubectl

NAMESPACE: Final = "central-hub"
SUFFIX: Final = "strimzi.io/name"
BROKERS, ZOOKEEPER = "-kafka", "-zookeeper"


class Cut(StrEnum):
    """Whom a broker no longer reaches, nor is reached by."""

    EVERYBODY = "everybody"
    ZOOKEEPER = "zookeeper"
    BROKERS = "brokers"


@dataclass(frozen=True)
class BrokerCut:
    """A broker's pod and the addresses it is cut off from."""

    pod: str
    network: PodNetwork
    peers: tuple[str, ...]


def broker_cut(kubectl: Kubectl, broker: int, kind: Cut) -> BrokerCut:
    """Return who would be cut off from whom; nothing is cut yet. Raises BadInput for a broker that is not there."""
    pods = [pod for pod in kubectl.items("pods", f"--namespace={NAMESPACE}") if pod["status"].get("podIP")]
    brokers = [pod for pod in pods if _part(pod).endswith(BROKERS)]
    mine = next((pod for pod in brokers if name_of(pod).endswith(f"{BROKERS}-{broker}")), None)
    if mine is None:
        raise BadInput(f"no broker {broker} in {NAMESPACE}: {', '.join(map(name_of, brokers)) or 'there is none'}")
    network = cutting.network_of(mine["metadata"]["uid"])
    return BrokerCut(name_of(mine), network, tuple(_peers(pods, brokers, mine, kind)))


def _peers(pods: Sequence[Any], brokers: Sequence[Any], mine: Any, kind: Cut) -> list[str]:
    """Return addresses as of now: a pod that is made anew meanwhile has another one, and is not cut off."""
    others = {
        Cut.EVERYBODY: pods,
        Cut.ZOOKEEPER: [pod for pod in pods if _part(pod).endswith(ZOOKEEPER)],
        Cut.BROKERS: brokers,
    }[kind]
    return [pod["status"]["podIP"] for pod in others if pod is not mine]


def _part(pod: Any) -> str:
    return str(pod["metadata"].get("labels", {}).get(SUFFIX, ""))
