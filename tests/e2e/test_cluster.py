"""A real Kubernetes of its own: it comes up, a node's power-off is seen as predicted, and nothing of it stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.throwaway import BUILD_S, processes_naming
from tests.support.waiting import wait_for
from workbench.drill.nodes import trial
from workbench.drill.nodes.conducting import drill_node
from workbench.errors import EXIT_STOPPED, BadInput, ToolFailed
from workbench.target.throwaway import namespaces
from workbench.target.throwaway.building import built_programs
from workbench.target.throwaway.cluster import Cluster, remove
from workbench.target.throwaway.kubectl import Kubectl
from workbench.target.throwaway.layout import BRIDGE, DNS_ADDRESS, Node
from workbench.target.throwaway.places import CGROUP_ROOT, CGROUPS
from workbench.target.throwaway.record import Record, all_records, read_record

pytestmark = pytest.mark.integration


def _inside(cluster: Cluster, node: Node, *argv: str) -> str:
    """Run a command in the network of a node."""
    return namespaces.run_in(cluster.record.nodes[node.name], argv)


@pytest.mark.timeout(BUILD_S)
def test_it_is_a_cluster(cluster: Cluster, kubectl: Kubectl) -> None:
    """Real nodes and KWOK's are there, the control plane is pods of its own node, and a Service has a name."""
    nodes = {node["metadata"]["name"]: node["status"]["nodeInfo"] for node in kubectl.items("nodes")}
    assert {node.name for node in cluster.layout.nodes} < set(nodes)
    assert nodes["worker-1"]["kubeletVersion"] == "v1.29.15"
    static = {
        f"{name}-control-plane" for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
    }

    def are_told() -> bool:
        pods = kubectl.items("pods", "--namespace=kube-system")
        return static < {pod["metadata"]["name"] for pod in pods}

    # A kubelet that could not tell the API server of a static pod, since that was not up yet, looks at the pod again
    # after 60 to 90 s (syncFrequency and its jitter, pkg/kubelet/pod_workers.go).
    wait_for(are_told, 200.0, "the control plane's kubelet has told of its pods")
    worker = cluster.node("worker-2")
    answer = _inside(cluster, worker, "busybox", "nslookup", "kubernetes.default.svc.cluster.local", DNS_ADDRESS)
    assert "10.96.0.1" in answer


def test_a_kubelet_may_read_nothing_of_another_s(cluster: Cluster, kubectl: Kubectl) -> None:
    """Node and RBAC authorisation: a worker's own identity lists no secrets and does not change another node."""
    worker = cluster.node("worker-1")
    program = str(built_programs(lambda _: None)["kubectl"])
    as_worker = [program, f"--kubeconfig={worker.settings / 'kubelet.kubeconfig'}"]
    with pytest.raises(ToolFailed, match="forbidden"):
        _inside(cluster, worker, *as_worker, "get", "secrets", "--all-namespaces")
    with pytest.raises(ToolFailed, match="forbidden"):
        _inside(cluster, worker, *as_worker, "label", "node", "worker-2", "taken=true")


def test_the_way_in_depends_on_no_node(cluster: Cluster) -> None:
    """The nodes' bridge keeps its MAC whichever node loses power: else every connection from outside would hang."""
    init = cluster.record.init
    assert init is not None
    told = json.loads(namespaces.run_in(init, ["ip", "-json", "link", "show"]))
    addresses = {link["ifname"]: link["address"] for link in told}
    own = addresses.pop(BRIDGE)
    assert {node.link for node in cluster.layout.nodes} < set(addresses)
    assert own not in addresses.values()


@pytest.mark.timeout(600)
def test_a_power_off_goes_as_predicted(cluster: Cluster, tmp_path: Path) -> None:
    """Sealed before the cut; every moment is seen, in order, and near the forecast; the node comes back."""
    with pytest.raises(BadInput, match="is no worker"):
        drill_node(cluster, cluster.layout.control_plane, 1, 5, tmp_path, print)
    drill = drill_node(cluster, cluster.node("worker-1"), 1, 5, tmp_path, print)
    assert drill.folder.prediction_sha256.stat().st_mtime < drill.folder.comparison_json.stat().st_mtime - 30.0
    observed = {row.name: row.observed for row in drill.compared}
    assert all(at_s is not None for at_s in observed.values())
    seen = {name: at_s for name, at_s in observed.items() if at_s is not None}
    assert seen["not_ready_s"] < seen["tainted_s"] < seen["evicted_s"] < seen["replacement_running_s"]
    assert 29.5 <= seen["not_ready_s"] <= 48.0  # grace - 10.4 s to grace + 5 s, and a loaded machine's seconds
    assert 5.0 <= seen["evicted_s"] - seen["tainted_s"] <= 8.0
    assert cluster.has_power(cluster.node("worker-1"))


@pytest.mark.timeout(300)
def test_a_drill_that_is_stopped_gives_the_node_back(cluster: Cluster, kubectl: Kubectl, tmp_path: Path) -> None:
    """Stopped while the node is off: it is switched on, the trial's pods are gone, the exit code says it was stopped.

    By SIGTERM: a shell's background job ignores the signal of Ctrl-C, and so do its children.
    """
    command = ["cluster", "drill", "worker-2", "--out", str(tmp_path), "--cluster", cluster.layout.cluster_id]
    with subprocess.Popen(
        [sys.executable, "-m", "workbench.cli", *command], stderr=subprocess.PIPE, text=True
    ) as drill:
        assert drill.stderr is not None
        for line in drill.stderr:
            if "cutting the power" in line:
                break
        wait_for(lambda: not cluster.has_power(cluster.node("worker-2")), 20.0, "worker-2 is off")
        drill.terminate()
        told = drill.stderr.read()
        assert "switching worker-2 on again" in told
    assert drill.returncode == EXIT_STOPPED, told
    record = read_record(cluster.layout.directory)
    assert Cluster(record).has_power(cluster.node("worker-2"))
    assert trial.NAMESPACE not in {each["metadata"]["name"] for each in kubectl.items("namespaces")}
    cluster.record = record  # another process changed it


@pytest.mark.timeout(300)
def test_killed_half_way_it_is_found_and_removed(cluster: Cluster) -> None:
    """A start that is killed leaves a cluster that is not whole; removing it leaves nothing, the other lives on."""
    command = [sys.executable, "-m", "workbench.cli", "cluster", "up", "--workers", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as starting:
        assert starting.stderr is not None
        for line in starting.stderr:
            if "starting 2 nodes" in line:
                break
        wait_for(lambda: _half_made(cluster) is not None, 60.0, "the second cluster has its namespaces")
        starting.kill()
    half = _half_made(cluster)
    assert half is not None
    remove(half)
    cluster_id = half.layout.cluster_id
    assert _groups_of(cluster_id) == []
    assert processes_naming(cluster_id) == []
    assert cluster.record.is_up


@pytest.mark.timeout(300)
def test_killed_at_its_root_nothing_of_it_runs(cluster: Cluster) -> None:
    """SIGKILL of the cluster's process 1 ends every node; what is left on disk is removed."""
    init = cluster.record.init
    assert init is not None
    os.kill(init.process_id, signal.SIGKILL)
    cluster_id = cluster.layout.cluster_id
    wait_for(lambda: processes_naming(cluster_id) == [], 60.0, "every process of the cluster is gone")
    remove(read_record(cluster.layout.directory))
    assert not cluster.layout.directory.exists()
    assert _groups_of(cluster_id) == []
    assert cluster_id not in Path("/proc/self/mountinfo").read_text()


def _half_made(whole: Cluster) -> Record | None:
    others = [record for record in all_records() if record.layout.cluster_id != whole.layout.cluster_id]
    return next((record for record in others if record.init is not None and record.nodes), None)


def _groups_of(cluster_id: str) -> list[Path]:
    return list(CGROUPS.glob(f"*/{CGROUP_ROOT}/{cluster_id}"))
