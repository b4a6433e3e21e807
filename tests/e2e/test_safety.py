"""A drill's safety on a real API server: what is left is found and named, and what a dead driver left is undone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.support import residues
from tests.support.throwaway import BUILD_S
from tests.support.waiting import wait_for
from workbench.drill.nodes import trial
from workbench.errors import EXIT_STOPPED, BadInput, ToolFailed, UndoUnverified
from workbench.fault import ClusterFault
from workbench.safety.snapshot import differences
from workbench.safety.undo import ClusterObject, Undo
from workbench.target.kubernetes.api import Api
from workbench.target.kubernetes.cluster_faults import ClusterFaults, find_node, find_pods
from workbench.target.kubernetes.hold import Hold, a_record, held
from workbench.target.kubernetes.record import ClusterRecord
from workbench.target.kubernetes.rights import check_rights, fault_rights
from workbench.target.kubernetes.snapshots import NAMESPACE, take_snapshot
from workbench.target.throwaway.building import built_programs
from workbench.target.throwaway.cluster import Cluster
from workbench.target.throwaway.kubectl import Kubectl
from workbench.target.throwaway.record import read_record

pytestmark = pytest.mark.integration


@pytest.fixture
def api(cluster: Cluster) -> Api:
    """The cluster's API as a drill speaks to it."""
    return Api(cluster.kubeconfig)


def _kubectl(cluster: Cluster, *words: str) -> None:
    program = str(built_programs(lambda _: None)["kubectl"])
    subprocess.run([program, f"--kubeconfig={cluster.kubeconfig}", *words], check=True, capture_output=True, timeout=60)


def _namespaces(kubectl: Kubectl) -> set[str]:
    return {each["metadata"]["name"] for each in kubectl.items("namespaces")}


def _recover(cluster: Cluster, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "workbench.cli", "recover", "--kubeconfig", str(cluster.kubeconfig), *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


@pytest.mark.timeout(BUILD_S)
def test_every_planted_residue_is_found_and_nothing_else(
    cluster: Cluster, kubectl: Kubectl, api: Api, tmp_path: Path
) -> None:
    """Over twenty of them, each named by object and path; a drill that breaks nothing and replaces pods leaves none."""
    kubectl.apply(yaml.safe_dump_all([residues.NAMESPACE_OBJECT, residues.CUSTOM_KIND]))
    _kubectl(cluster, "wait", "--for=condition=Established", "crd/stores.drills.example", "--timeout=30s")
    kubectl.apply(yaml.safe_dump_all(residues.BEFORE))
    settled = [f"--namespace={residues.NAMESPACE}", "--timeout=60s"]
    _kubectl(cluster, "rollout", "status", "deployment/deployment", *settled)
    _kubectl(cluster, "rollout", "status", "statefulset/statefulset", *settled)
    with held(api, a_record("clean"), tmp_path):  # raises where the audit finds anything
        _kubectl(cluster, "delete", "pods", "--all", f"--namespace={residues.NAMESPACE}", "--grace-period=0", "--force")
    assert NAMESPACE not in _namespaces(kubectl)
    hold = Hold(api, a_record("planted"), tmp_path)
    hold.take()
    for each in residues.RESIDUES:
        if each.manifest is not None:
            kubectl.apply(yaml.safe_dump(each.manifest))
        else:
            _kubectl(cluster, *each.words)
    before = ClusterRecord(api).snapshot()
    found = [str(each) for each in differences(before, take_snapshot(api))]
    missed = [each.found_as for each in residues.RESIDUES if not any(_names(line, each) for line in found)]
    assert (len(residues.RESIDUES) >= 20, missed) == (True, [])
    strange = [line for line in found if not any(_about(line, each) for each in residues.RESIDUES)]
    assert strange == []
    _kubectl(cluster, "delete", "pod", "agent-left", "--namespace=hub-workbench", "--grace-period=0", "--force")
    with pytest.raises(UndoUnverified, match="differences to before the drill"):
        hold.finish()
    assert ClusterRecord(api).holder() == "planted", "the record stays for whoever looks"
    told = _recover(cluster, "--accept")
    assert told.returncode == 0, told.stderr
    assert "differs: Node kwok-001: spec.unschedulable is true, was absent" in told.stdout
    assert f"differs: Namespace {residues.NEW_NAMESPACE} is there, was absent (last written by kubectl" in told.stdout
    assert NAMESPACE not in _namespaces(kubectl)
    for words in residues.REMOVAL:
        _kubectl(cluster, *words)
    assert residues.NAMESPACE not in _namespaces(kubectl)


def _names(line: str, residue: residues.Residue) -> bool:
    return line.startswith(residue.found_as) or line.startswith(f"{residue.found_as.removesuffix(': ')} is ")


def _about(line: str, residue: residues.Residue) -> bool:
    """Tell whether a line is of the residue's object, or of what the cluster puts into a new namespace."""
    return line.startswith(residue.found_as.split(": ")[0]) or f" {residues.NEW_NAMESPACE}/" in line


@pytest.mark.timeout(300)
@pytest.mark.parametrize("token", ["", "not-a-token"])
def test_who_may_not_drill_is_told_what_is_missing(cluster: Cluster, token: str, tmp_path: Path) -> None:
    """A user without rights by every verb and resource, one whom the cluster does not know as such; nothing is made."""
    program = str(built_programs(lambda _: None)["kubectl"])
    if not token:
        words = [program, f"--kubeconfig={cluster.kubeconfig}", "create", "token", "default", "--namespace=default"]
        token = subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout.strip()
    content = yaml.safe_load(cluster.kubeconfig.read_text())
    content["users"][0]["user"] = {"token": token}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(content))
    with pytest.raises(BadInput) as told:
        check_rights(Api(tmp_path / "kubeconfig"), fault_rights(ClusterFault.NODE_DRAIN, "central-hub"))
    if token == "not-a-token":
        assert "they have expired or are not its own" in str(told.value)
    else:
        missing = {problem.key for problem in told.value.problems}
        assert {"create namespaces", "patch nodes", "create pods/eviction", "list pods"} <= missing


@pytest.mark.timeout(300)
def test_a_cluster_is_held_by_one_drill(cluster: Cluster, kubectl: Kubectl, api: Api, tmp_path: Path) -> None:
    """A second drill is refused and told of the first; a living driver's drill is not recovered."""
    with held(api, a_record("first"), tmp_path):
        with pytest.raises(BadInput, match="drill first holds this cluster"):
            Hold(api, a_record("second"), tmp_path).take()
        told = _recover(cluster)
        assert (told.returncode, "lives" in told.stderr) == (EXIT_STOPPED, True)
    assert NAMESPACE not in _namespaces(kubectl)
    assert "nothing to recover" in _recover(cluster).stdout


@pytest.mark.timeout(300)
def test_what_was_cordoned_is_given_back_but_not_its_successor(
    cluster: Cluster, kubectl: Kubectl, api: Api, tmp_path: Path
) -> None:
    """Undone by the entry's uid: another node of the same name is left alone."""
    node = api.core.read_node("kwok-004")
    with held(api, a_record("cordons"), tmp_path) as hold:
        hold.add("NodeCordon", (ClusterObject("Node", "kwok-004", node.metadata.uid),), Undo.UNCORDON)
        _kubectl(cluster, "cordon", "kwok-004")
    assert not api.core.read_node("kwok-004").spec.unschedulable
    hold = Hold(api, a_record("cordons-another"), tmp_path)
    hold.take()
    hold.add("NodeCordon", (ClusterObject("Node", "kwok-004", "another"),), Undo.UNCORDON)
    _kubectl(cluster, "cordon", "kwok-004")
    with pytest.raises(UndoUnverified, match=r"Node kwok-004: spec\.unschedulable is true"):
        hold.finish()
    _kubectl(cluster, "uncordon", "kwok-004")
    told = _recover(cluster)
    assert told.returncode == 0, told.stdout
    assert "left alone" in told.stdout


@pytest.mark.timeout(300)
def test_a_node_is_drained_as_budgets_allow_and_given_back(
    cluster: Cluster, kubectl: Kubectl, api: Api, tmp_path: Path
) -> None:
    """Two pods move, one after the other; a budget that allows none ends the drain at its bound, and it is undone."""
    kubectl.apply(yaml.safe_dump_all(residues.drained_objects(min_available=1)))
    settled = [f"--namespace={residues.DRAINED}", "--timeout=60s"]
    _kubectl(cluster, "rollout", "status", "deployment/moved", *settled)
    pods = find_pods(api, residues.DRAINED, "app=moved", 2)
    with held(api, a_record("drains"), tmp_path) as hold:
        proof = ClusterFaults(api, hold).drain(find_node(api, pods[0].node), 60.0)
        assert pods[0] in proof.victims
        moved = find_pods(api, residues.DRAINED, "app=moved", 2)
        assert pods[0].node not in [each.node for each in moved]
    kubectl.apply(yaml.safe_dump_all(residues.drained_objects(min_available=2)))
    _kubectl(cluster, "rollout", "status", "deployment/moved", *settled)
    node = find_pods(api, residues.DRAINED, "app=moved", 2)[0].node
    with (
        pytest.raises(
            ToolFailed, match=r"was not drained within 7 s, moved-.* its disruption budget does not allow it"
        ),
        held(api, a_record("cannot-drain"), tmp_path) as hold,
    ):
        ClusterFaults(api, hold).drain(find_node(api, node), 7.0)
    assert not api.core.read_node(node).spec.unschedulable


@pytest.mark.timeout(300)
def test_a_pod_is_hit_by_its_uid_or_not_at_all(cluster: Cluster, kubectl: Kubectl, api: Api, tmp_path: Path) -> None:
    """Deleted and replaced; the API server itself refuses the successor in its place."""
    kubectl.apply(yaml.safe_dump_all(residues.drained_objects(min_available=0)))
    _kubectl(cluster, "rollout", "status", "deployment/moved", f"--namespace={residues.DRAINED}", "--timeout=60s")
    victim = find_pods(api, residues.DRAINED, "app=moved", 2)[0]
    with held(api, a_record("deletes"), tmp_path) as hold:
        proof = ClusterFaults(api, hold).delete_pods([victim], 0)
        assert proof.effective_s - proof.injected_s < 30.0
    there = find_pods(api, residues.DRAINED, "app=moved", 2)[0]
    with (
        pytest.raises(ToolFailed, match="409 Conflict"),
        held(api, a_record("deletes-another"), tmp_path) as hold,
    ):
        ClusterFaults(api, hold).delete_pods([replace(there, uid=victim.uid)], None)
    assert there in find_pods(api, residues.DRAINED, "app=moved", 2)


@pytest.mark.parametrize(
    ("namespace", "selector", "words"),
    [
        ("kube-system", "", "may be empty"),
        ("", "a=b", "may be empty"),
        ("kube-system", "no=such", "chooses no pod"),
        ("kube-system", "k8s-app", "at most 0 are meant"),
    ],
)
def test_a_selector_that_means_nothing_or_too_much_is_refused(
    api: Api, namespace: str, selector: str, words: str
) -> None:
    """Before anything is asked for; the pods that were not meant are named."""
    with pytest.raises(BadInput, match=words):
        find_pods(api, namespace, selector, 0)


@pytest.mark.parametrize(("name", "words"), [("", "empty one"), (" ", "empty one"), ("worker-9", "the cluster has")])
def test_a_node_that_is_not_there_is_refused(api: Api, name: str, words: str) -> None:
    """An empty name would mean all nodes to the API; the ones there are are named."""
    with pytest.raises(BadInput, match=words):
        find_node(api, name)


@pytest.mark.timeout(600)
def test_what_a_killed_driver_left_is_recovered(cluster: Cluster, kubectl: Kubectl, tmp_path: Path) -> None:
    """SIGKILL while a node is off: recovered from the cluster's record alone, verified, and again it does nothing."""
    command = ["cluster", "drill", "worker-2", "--out", str(tmp_path), "--cluster", cluster.layout.cluster_id]
    worker = cluster.node("worker-2")
    with subprocess.Popen([sys.executable, "-m", "workbench.cli", *command]) as drill:
        wait_for(lambda: not _now(cluster).has_power(worker), 240.0, "worker-2 is off")
        os.kill(drill.pid, signal.SIGKILL)
    assert {NAMESPACE, trial.NAMESPACE} <= _namespaces(kubectl)
    told = _recover(cluster)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "was switched on" in told.stdout
    assert _now(cluster).has_power(worker)
    assert not {NAMESPACE, trial.NAMESPACE} & _namespaces(kubectl)
    assert "nothing to recover" in _recover(cluster).stdout
    cluster.record = read_record(cluster.layout.directory)


def _now(cluster: Cluster) -> Cluster:
    return Cluster(read_record(cluster.layout.directory))
