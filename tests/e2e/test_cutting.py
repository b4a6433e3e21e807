"""A pod cut off from one peer on a real Kubernetes: open connections fall silent and speak again, others go on."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from tests.support import echo
from tests.support.throwaway import BUILD_S
from tests.support.waiting import wait_for
from workbench.drill.nodes import trial
from workbench.drill.scheduling.namespaced import remove_namespace
from workbench.errors import BadInput, ToolFailed
from workbench.target.kubernetes.api import Api
from workbench.target.throwaway import cutting
from workbench.target.throwaway.building import built_programs
from workbench.target.throwaway.cluster import Cluster
from workbench.target.throwaway.cutting import PodNetwork
from workbench.target.throwaway.kubectl import Kubectl

pytestmark = pytest.mark.integration
PORT = 9999
MINE, PEER, OTHER, BESIDE = "mine", "peer", "other", "beside"
NODES = {MINE: "worker-1", PEER: "worker-2", OTHER: "worker-2", BESIDE: "worker-1"}
SCRIPT = str(Path(echo.__file__))


class Asking:
    """A client in a pod's network with one connection to `mine`; it counts answers."""

    def __init__(self, network: PodNetwork, address: str) -> None:
        self.answers = 0
        self.process = subprocess.Popen(
            _inside(network, "ask", address, str(PORT)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        assert self.process.stdout is not None
        for _ in self.process.stdout:
            self.answers += 1

    def speaks(self) -> bool:
        """Tell whether an answer comes within a second."""
        before, deadline_s = self.answers, time.monotonic() + 1.0
        while self.answers == before and time.monotonic() < deadline_s:
            time.sleep(0.02)
        return self.answers > before


def _inside(network: PodNetwork, *words: str) -> list[str]:
    return ["nsenter", f"--net=/proc/{network.process_id}/ns/net", sys.executable, SCRIPT, *words]


@pytest.fixture(scope="module")
def pods(cluster: Cluster, kubectl_of_module: Kubectl) -> Iterator[dict[str, tuple[PodNetwork, str]]]:
    """Four pods on two nodes: network and address by name."""
    kubectl = kubectl_of_module
    made = [trial.trial_objects(2, 30)[0], *(trial.bare_pod(name, node) for name, node in NODES.items())]
    kubectl.apply(yaml.safe_dump_all(made))
    where = f"--namespace={trial.NAMESPACE}"
    wait_for(lambda: sum(map(_is_ready, kubectl.items("pods", where))) == len(NODES), 90.0, "the pods are ready")
    yield {
        pod["metadata"]["name"]: (cutting.network_of(pod["metadata"]["uid"]), pod["status"]["podIP"])
        for pod in kubectl.items("pods", where)
    }
    remove_namespace(Api(cluster.kubeconfig), trial.NAMESPACE)


@pytest.fixture(scope="module")
def kubectl_of_module(cluster: Cluster) -> Kubectl:
    """The cluster's own kubectl, for a fixture that lives as long."""
    return Kubectl(built_programs(lambda _: None), cluster.kubeconfig)


@pytest.fixture
def askers(pods: dict[str, tuple[PodNetwork, str]]) -> Iterator[dict[str, Asking]]:
    """An open connection from each of the others to `mine`, all in use."""
    network, address = pods[MINE]
    with ExitStack() as stack:
        server = stack.enter_context(subprocess.Popen(_inside(network, "serve", str(PORT)), stdout=subprocess.PIPE))
        stack.callback(server.kill)
        assert server.stdout is not None
        server.stdout.readline()
        made = {name: Asking(pods[name][0], address) for name in (PEER, OTHER, BESIDE)}
        for each in made.values():
            stack.enter_context(each.process)
            stack.callback(each.process.kill)
        wait_for(lambda: all(each.speaks() for each in made.values()), 20.0, "every connection is in use")
        yield made


@pytest.mark.timeout(BUILD_S)
def test_open_connections_fall_silent_and_speak_again(
    pods: dict[str, tuple[PodNetwork, str]], askers: dict[str, Asking], kubectl: Kubectl
) -> None:
    """Cut off from one pod on another node and one on its own: both are silent, the third goes on.

    Packets of open connections are counted, a new connection is not made, the kubelet still finds the pod ready, and
    when it is healed the same connections go on: nothing was reset. Healed again nothing changes.
    """
    network, address = pods[MINE]
    cutting.cut(network, [pods[PEER][1], pods[BESIDE][1]], for_s=120.0)
    wait_for(lambda: not askers[PEER].speaks() and not askers[BESIDE].speaks(), 10.0, "both are silent")
    assert askers[OTHER].speaks()
    assert cutting.dropped(network).of_open_connections > 0
    new = subprocess.run(
        _inside(pods[PEER][0], "ask", address, str(PORT)), capture_output=True, timeout=60, check=False
    )
    assert b"timed out" in new.stderr
    assert cutting.dropped(network).others > 0
    with pytest.raises(BadInput, match="already"):
        cutting.cut(network, [pods[OTHER][1]], for_s=10.0)
    (mine,) = (p for p in kubectl.items("pods", f"--namespace={trial.NAMESPACE}") if p["metadata"]["name"] == MINE)
    assert _is_ready(mine)
    assert mine["status"]["containerStatuses"][0]["restartCount"] == 0
    for _ in range(2):
        cutting.heal(network)
    assert not cutting.is_cut(network)
    wait_for(lambda: all(each.speaks() for each in askers.values()), 60.0, "the same connections go on")
    with pytest.raises(ToolFailed):
        cutting.dropped(network)


def test_a_cut_ends_by_itself(pods: dict[str, tuple[PodNetwork, str]], askers: dict[str, Asking]) -> None:
    """After its time nothing of it is left, whoever made it; bounds are checked before anything is cut."""
    network, _ = pods[MINE]
    for peers, for_s in (([], 10.0), ([pods[PEER][1]], 0.0), ([pods[PEER][1]], 601.0)):
        with pytest.raises(BadInput):
            cutting.cut(network, peers, for_s)
    cutting.cut(network, [pods[PEER][1]], for_s=5.0)
    assert cutting.is_cut(network)
    wait_for(lambda: not cutting.is_cut(network), 30.0, "the cut has ended")
    wait_for(askers[PEER].speaks, 60.0, "the same connection goes on")


def _is_ready(pod: dict[str, object]) -> bool:
    status = pod["status"]
    assert isinstance(status, dict)
    return any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions", []))
