"""The hub on a cluster, seen through its pods, Secrets and agents, without a cluster."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from click.testing import CliRunner

from tests.support.waiting import wait_for
from workbench.cli import root
from workbench.errors import BadInput
from workbench.scenario import PROJECT_ROOT
from workbench.target.kubernetes import agent
from workbench.target.kubernetes.agent_pods import SCRIPT
from workbench.target.kubernetes.doors import kafka_addresses, qualified
from workbench.target.kubernetes.hub import servers_of, starts_of
from workbench.target.kubernetes.pods import hub_pods
from workbench.topology import read_topology

MANIFESTS = PROJECT_ROOT / "manifests" / "overlays" / "throwaway"
UID = "6085375a-3789-4d7c-830b-a7da34692e78"


def a_pod(name: str, labels: dict[str, str] | None = None, *, deleted: bool = False, ready: bool = True) -> Any:
    """Return a pod as the client library gives it."""
    condition = SimpleNamespace(type="Ready", status="True" if ready else "False")
    port = SimpleNamespace(name="metrics", container_port=9000)
    return SimpleNamespace(
        metadata=SimpleNamespace(
            name=name, uid=f"uid-{name}", labels=labels, deletion_timestamp="now" if deleted else None
        ),
        spec=SimpleNamespace(node_name="worker-1", containers=[SimpleNamespace(image="i:1", ports=[port])]),
        status=SimpleNamespace(pod_ip="10.0.0.7", conditions=[condition]),
    )


def test_pods_are_known_by_the_operators_names_and_labels() -> None:
    """Strimzi numbers ZooKeeper's pods from 0 and its servers from 1; Deployments' pods count in their names' order."""
    processor = {"app.kubernetes.io/name": "event-processor"}
    pods = [
        a_pod("hub-kafka-1"),
        a_pod("hub-zookeeper-2", ready=False),
        a_pod("postgres-2-0", {"app": "postgres", "index": "2"}),
        a_pod("redis-0"),
        a_pod("event-processor-b", processor),
        a_pod("event-processor-a", processor),
        a_pod("hub-kafka-2", deleted=True),
        a_pod("hub-probe-x"),
    ]
    found = {each.name: each for each in hub_pods(pods, read_topology(MANIFESTS))}
    assert {name: each.pod for name, each in found.items()} == {
        "kafka-1": "hub-kafka-1",
        "zookeeper-3": "hub-zookeeper-2",
        "postgres-2": "postgres-2-0",
        "redis-0": "redis-0",
        "event-processor-0": "event-processor-a",
        "event-processor-1": "event-processor-b",
    }
    assert [name for name, each in found.items() if not each.ready] == ["zookeeper-3"]


def test_every_server_of_the_manifests_is_asked_for() -> None:
    """Missing ones are told by these names."""
    names = servers_of(read_topology(MANIFESTS))
    assert {"kafka-0", "kafka-2", "zookeeper-1", "zookeeper-3", "postgres-3", "redis-0", "gateway-0"} <= set(names)
    assert len(names) == len(set(names)) == 3 + 3 + 3 + 1 + 2 + 1


def test_starts_belong_to_their_pod_and_an_end_to_the_start_before_it() -> None:
    """A process id may come again on a node, in another pod too."""
    journal = [
        {"pod": "a", "container": "1", "process_id": 7, "started_s": 10.0},
        {"process_id": 7, "ended_s": 20.0},
        {"pod": "b", "container": "2", "process_id": 7, "started_s": 21.0},
        {"pod": "a", "container": "3", "process_id": 8, "started_s": 22.0},
    ]
    first, second = starts_of(journal, "a")
    assert (first.process_id, first.started_s, first.ended_s, first.exit) == (7, 10.0, 20.0, "ended")
    assert (second.process_id, second.exit) == (8, "")
    assert math.isnan(second.ended_s)
    (other,) = starts_of(journal, "b")
    assert math.isnan(other.ended_s)


def test_short_names_of_services_are_made_whole() -> None:
    """A Secret's addresses are for pods of the hub's own namespace."""
    assert (
        qualified("postgresql://hub:a%2Fb@postgres:5432/hub", "n") == "postgresql://hub:a%2Fb@postgres.n.svc:5432/hub"
    )
    assert qualified("redis://:p@redis:6379/0", "n") == "redis://:p@redis.n.svc:6379/0"
    assert qualified("redis://:p@10.1.2.3:6379/0", "n") == "redis://:p@10.1.2.3:6379/0"


def test_brokers_are_asked_by_the_names_in_their_certificates() -> None:
    """The stand-in for Strimzi issues them for these names (test_throwaway_hub.py)."""
    found = kafka_addresses(read_topology(MANIFESTS), {})
    assert str(found.brokers[1]) == "hub-kafka-1.hub-kafka-brokers.central-hub.svc:9093"
    assert str(found.zookeepers[1]) == "hub-zookeeper-0.hub-zookeeper-nodes.central-hub.svc:2181"


@pytest.mark.parametrize(
    "place",
    [
        f"12:cpu:/kubepods/burstable/pod{UID}/{'ab' * 32}",
        f"0::/kubepods.slice/kubepods-burstable-pod{UID.replace('-', '_')}.slice/cri-containerd-{'ab' * 32}.scope",
        f"0::/../../pod{UID}/{'ab' * 32}",
    ],
)
def test_a_container_is_known_by_its_control_group(place: str) -> None:
    """As cgroupfs and as systemd write it, and seen from another container."""
    found = agent.PLACE.search(place)
    assert found is not None
    assert (found[1].replace("_", "-"), found[2]) == (UID, "ab" * 32)


def test_the_agent_ends_exactly_the_process_and_tells_when(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof is the kernel's: the process's own descriptor says that it has ended."""
    process = subprocess.Popen(["sleep", "60"])
    waiting = threading.Thread(target=process.wait)
    waiting.start()
    monkeypatch.setattr(agent, "containers", lambda: {process.pid: (UID, "c", 0.0)})
    told = agent.kill(UID, "SIGKILL")
    waiting.join(10.0)
    assert told["process_id"] == process.pid
    assert told["ended"] is True
    assert process.returncode == -9


def test_the_agent_hits_nothing_it_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pod, no signal."""
    monkeypatch.setattr(agent, "containers", dict)
    with pytest.raises(ValueError, match="unpack"):
        agent.kill(UID, "SIGKILL")


def test_the_agent_lets_a_frozen_process_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped, and let go by a process of the agent's own, which nobody has to ask."""
    process = subprocess.Popen(["sleep", "60"])
    monkeypatch.setattr(agent, "FREEZE_LEAD_S", 0.1)
    monkeypatch.setattr(agent, "_name", lambda entry: "kubelet" if entry.name == str(process.pid) else "")
    told = agent.freeze("kubelet", "0.5")
    assert told["process_id"] == process.pid
    seen = psutil.Process(process.pid)
    wait_for(lambda: seen.status() == psutil.STATUS_STOPPED, 10.0, "it is stopped")
    wait_for(lambda: seen.status() == psutil.STATUS_SLEEPING, 10.0, "it goes on")
    process.kill()
    process.wait()


def test_the_agent_is_text_that_any_python_runs(tmp_path: Path) -> None:
    """It is handed to the hub's own image, which has nothing of the workbench."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", SCRIPT, "cpu", UID], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert json.loads(done.stdout) == {"cpu_s": 0.0}


def test_a_cluster_needs_a_kubeconfig_and_its_manifests(tmp_path: Path) -> None:
    """Both are told before anything is looked at."""
    there = tmp_path / "kubeconfig"
    there.write_text("{}")
    wrong = [["--kubeconfig", str(tmp_path / "no")], ["--kubeconfig", str(there)]]
    for arguments, words in zip(wrong, ("no kubeconfig", "--manifests"), strict=True):
        done = CliRunner().invoke(root, ["drill", "broker-loss", "--target", "kubernetes", *arguments])
        assert isinstance(done.exception, BadInput)
        assert words in str(done.exception)
