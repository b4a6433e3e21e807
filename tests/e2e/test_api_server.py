"""The hub's manifests at a real API server, and a real kube-scheduler held to its model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.throwaway import BUILD_S, processes_naming
from tests.support.waiting import wait_for
from workbench.drill.scheduling import mixes
from workbench.drill.scheduling.bursting import drill_burst
from workbench.drill.scheduling.placements import try_placements
from workbench.errors import BadInput
from workbench.model.scheduling.bursts import Creator
from workbench.target.throwaway.building import built_programs
from workbench.target.throwaway.cluster import Cluster
from workbench.target.throwaway.kubectl import Kubectl
from workbench.topology import manifests_sha256, render

pytestmark = pytest.mark.integration
MANIFESTS = Path(__file__).parents[2] / "manifests"
PARTS = ("base", "platform", "monitoring")
FOLDERS = (*(MANIFESTS / name for name in PARTS), *sorted((MANIFESTS / "overlays").iterdir()))
# Custom resources: their operators are in no package, so this API server does not know them.
FOREIGN = {
    "cilium.io/v2",
    "helm.cattle.io/v1",
    "kafka.strimzi.io/v1beta2",
    "kubegres.reactive-tech.io/v1",
    "monitoring.coreos.com/v1",
    "monitoring.coreos.com/v1alpha1",
    "security.istio.io/v1",
}
BURST_PODS = 150


def _kubectl(cluster: Cluster, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    program = str(built_programs(lambda _: None)["kubectl"])
    return subprocess.run(
        [program, f"--kubeconfig={cluster.kubeconfig}", *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.timeout(BUILD_S)
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_hubs_kubectl_builds_what_the_workbench_renders(cluster: Cluster, folder: Path) -> None:
    """Base, overlays and all: `kubectl kustomize` of the hub's own release makes the same resources."""
    built = _kubectl(cluster, "kustomize", str(folder))
    assert built.returncode == 0, built.stderr
    assert manifests_sha256(list(yaml.load_all(built.stdout, Loader=yaml.CSafeLoader))) == manifests_sha256(
        render(folder)
    )


@pytest.mark.timeout(600)
def test_the_api_server_accepts_every_object_of_the_hub(cluster: Cluster, kubectl: Kubectl) -> None:
    """Server-side dry run of the reference hub: none refused, none with a warning, custom resources apart."""
    objects = render(MANIFESTS / "overlays" / "onprem")
    namespaces = [each for each in objects if each["kind"] == "Namespace"]
    named = {each["metadata"]["name"] for each in namespaces}
    for missing in sorted({each["metadata"].get("namespace", "default") for each in objects} - named):
        namespaces.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": missing}})
    kubectl.apply(yaml.safe_dump_all(namespaces))
    known = [each for each in objects if each["apiVersion"] not in FOREIGN]
    assert len(known) > 100
    dry_run = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-")
    answer = _kubectl(cluster, *dry_run, text=yaml.safe_dump_all(known))
    assert (answer.returncode, answer.stderr) == (0, "")
    assert len(answer.stdout.splitlines()) == len(known)


@pytest.mark.timeout(600)
def test_a_wrong_object_is_refused(cluster: Cluster) -> None:
    """A field that Kubernetes does not have, and a pod that the restricted profile only warns of: both are told."""
    deployment: dict[str, Any] = next(
        each
        for each in render(MANIFESTS / "base")
        if (each["kind"], each["metadata"]["name"]) == ("Deployment", "gateway")
    )
    dry_run = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-")
    deployment["spec"]["template"]["spec"]["securityContext"] = {}
    assert "would violate PodSecurity" in _kubectl(cluster, *dry_run, text=yaml.safe_dump(deployment)).stderr
    deployment["spec"]["replica"] = 1
    assert _kubectl(cluster, *dry_run, text=yaml.safe_dump(deployment)).returncode != 0


@pytest.mark.timeout(600)
@pytest.mark.parametrize("creator", Creator)
def test_a_burst_is_bound_as_the_buckets_allow(cluster: Cluster, creator: Creator, tmp_path: Path) -> None:
    """Sealed before; no faster than the tokens of creator and scheduler, and not far from the forecast."""
    drill = drill_burst(cluster, BURST_PODS, creator, 1, tmp_path, print)
    rows = {row.name: row for row in drill.compared}
    total_s, predicted_s = rows["total_s"].observed, rows["total_s"].median
    assert total_s is not None
    floor_s = (BURST_PODS - 30) / 20.0 if creator is Creator.DEPLOYMENT else (BURST_PODS - 100) / 50.0
    assert floor_s - 0.5 <= total_s <= 2.0 * predicted_s + 5.0
    assert rows["attempts_failed"].observed == 0.0
    assert drill.folder.prediction_sha256.exists()


def test_a_burst_without_room_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    """Before anything is created; the message says how many nodes there should be."""
    with pytest.raises(BadInput, match="--kwok-nodes 7 "):
        drill_burst(cluster, 500, Creator.CLIENT, 1, tmp_path, print)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.timeout(300)
def test_a_killed_trials_kube_scheduler_ends_with_it(cluster: Cluster, tmp_path: Path) -> None:
    """It would share the next trial's pods; what else is left the next one removes (the test below)."""
    command = ["cluster", "placements", "--pods", "60", "--out", str(tmp_path), "--cluster", cluster.layout.cluster_id]
    with subprocess.Popen([sys.executable, "-m", "workbench.cli", *command]) as trial:
        wait_for(
            lambda: any(b"Attempting" in log.read_bytes() for log in tmp_path.rglob("scheduler.log")),
            120.0,
            "the second kube-scheduler is at work",
        )
        assert processes_naming(str(tmp_path / "placements"))
        trial.kill()
    wait_for(lambda: not processes_naming(str(tmp_path / "placements")), 10.0, "no process of the trial is left")


@pytest.mark.timeout(900)
def test_the_model_decides_as_kube_scheduler_does(cluster: Cluster, kubectl: Kubectl, tmp_path: Path) -> None:
    """Every score of every node, every choice among the best, every refusal; nothing of the trial stays."""
    trial = try_placements(cluster, 20, 1, tmp_path, print)
    assert [each.differences for each in trial.mixes] == [[]] * len(mixes.MIXES)
    assert trial.alike
    assert sum(each.scored for each in trial.mixes) > 100
    assert not [node for node in kubectl.items("nodes") if node["metadata"]["name"].startswith("placement-")]
