"""A drill's safety on a real API server: what is left is found and named, and what a dead driver left is undone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support import residues
from tests.support.throwaway import BUILD_S
from tests.support.waiting import wait_for
from workbench.drill.nodes import trial
from workbench.errors import EXIT_STOPPED, BadInput, UndoUnverified
from workbench.safety.snapshot import differences
from workbench.safety.undo import ClusterObject, Undo
from workbench.target.kubernetes.api import Api
from workbench.target.kubernetes.hold import Hold, a_record, held
from workbench.target.kubernetes.record import ClusterRecord
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
    assert (
        "differs: Node kwok-001: spec.unschedulable is true, was absent (last written by kubectl-cordon" in told.stdout
    )
    assert NAMESPACE not in _namespaces(kubectl)


def _names(line: str, residue: residues.Residue) -> bool:
    return line.startswith(residue.found_as) or line.startswith(f"{residue.found_as.removesuffix(': ')} is ")


def _about(line: str, residue: residues.Residue) -> bool:
    return line.startswith(residue.found_as.split(": ")[0])


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
