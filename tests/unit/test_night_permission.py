"""A night on a hub that others use: refused on any other hub, without approval, and on every other cluster."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.support.fake_api import served
from workbench.cli import main
from workbench.errors import EXIT_BAD_INPUT, BadInput, Stopped
from workbench.nightly.ground import ground_of
from workbench.nightly.permission import Approval, check_permission, check_still_approved, read_approval
from workbench.scenario import RealHub, Suite, read_suite

UID = "6085375a-3789-4d7c-830b-a7da34692e78"
OTHER_UID = "11111111-2222-3333-4444-555555555555"
NAME = "central-hub-preprod"
SUITE = f"""title: T
target: kubernetes
manifests: manifests/overlays/onprem
hub: {{name: {NAME}, kube_system_uid: {UID}}}
stop: {{acked_share_min: 0.5, acked_share_s: 60, below_min_isr_max: 0, below_min_isr_s: 30, blind_s: 60}}
budget_s: 600
compare_nights: 21
drills: {{broker-loss: 1}}
"""
APPROVAL = "suite: preprod\nhub: {hub}\napproved_by: J. Doe, operations\nuntil: {until}\n"


class Cluster(BaseHTTPRequestHandler):
    """Answers with the namespace kube-system of one cluster."""

    uid = UID
    asked = 0

    def do_GET(self) -> None:
        """Answer with a namespace."""
        type(self).asked += 1
        assert self.path == "/api/v1/namespaces/kube-system"
        content = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system", "uid": self.uid}}
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""


class AnotherCluster(Cluster):
    """The same names, another cluster."""

    uid = OTHER_UID


def utc(epoch_s: float) -> str:
    """Return an epoch time as an approval states it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch_s))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the suite, an approval of an hour and a kubeconfig to be written."""
    (tmp_path / "preprod.yaml").write_text(SUITE)
    (tmp_path / "approval.yaml").write_text(APPROVAL.format(hub=NAME, until=utc(time.time() + 3600.0)))
    return tmp_path


def night(folder: Path, *options: str) -> int:
    """Start the suite's night and return its exit code."""
    places = ["--out", str(folder / "out"), "--history", str(folder / "history.sqlite")]
    with pytest.raises(SystemExit) as caught:
        main(["nightly", str(folder / "preprod.yaml"), *places, *options])
    return int(str(caught.value.code))


def test_it_is_refused_before_anything_is_made(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a kubeconfig, an approval, a typed name; each says what is missing, no history is begun, no API asked."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    config, approval = folder / "kubeconfig", folder / "approval.yaml"
    assert night(folder) == EXIT_BAD_INPUT
    assert "--kubeconfig" in capsys.readouterr().err
    with served(Cluster, config):
        Cluster.asked = 0
        assert night(folder, "--kubeconfig", str(config)) == EXIT_BAD_INPUT
        assert "--approval names a file" in capsys.readouterr().err
        assert night(folder, "--kubeconfig", str(config), "--approval", str(approval)) == EXIT_BAD_INPUT
        assert NAME in capsys.readouterr().err
        assert Cluster.asked == 0
    assert not (folder / "history.sqlite").exists()


def test_another_cluster_is_refused_whatever_it_is_called(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Name and approval are right, the kubeconfig is another cluster's: its kube-system gives it away."""
    config, approval = folder / "kubeconfig", folder / "approval.yaml"
    with served(AnotherCluster, config):
        code = night(folder, "--kubeconfig", str(config), "--approval", str(approval), "--hub", NAME)
    assert code == EXIT_BAD_INPUT
    said = capsys.readouterr().err
    assert f"this is not {NAME}" in said
    assert OTHER_UID in said
    assert not (folder / "history.sqlite").exists()


def test_the_hub_is_asked_again_before_each_drill(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kubeconfig that comes to lead elsewhere is noticed, and an approval that ends before the drill would."""
    config = folder / "kubeconfig"
    suite = read_suite(folder / "preprod.yaml")
    with served(Cluster, config):
        ground = ground_of(suite, folder, config, "", NAME, folder / "approval.yaml")
        assert "--target" in ground.options
        ground.check(600.0)
        with pytest.raises(Stopped, match=r"the approval of J\. Doe, operations ends at"):
            ground.check(3700.0)
        monkeypatch.setattr(Cluster, "uid", OTHER_UID)
        with pytest.raises(BadInput, match=f"this is not {NAME}"):
            ground.check(600.0)


def test_an_approval_is_read_strictly(tmp_path: Path) -> None:
    """Who, for which suite and hub, until when with a zone: each that is missing or wrong, at once."""
    path = tmp_path / "approval.yaml"
    path.write_text("suite: preprod\nhub: x\napproved_by: J\nuntil: 2026-03-14T04:00:00\nreason: because\n")
    with pytest.raises(BadInput) as caught:
        read_approval(path)
    assert {problem.key for problem in caught.value.problems} == {"approved_by", "until", "reason"}


def test_everything_that_forbids_a_night_is_told_at_once() -> None:
    """Another name typed, another suite and hub approved, and an approval that ended or lasts for weeks."""
    suite, hub = Suite("preprod", "T", 600.0, 21, {"broker-loss": 1}, "kubernetes"), RealHub(NAME, UID)
    wrong = Approval("smoke", "another", "J. Doe", 1000.0)
    with pytest.raises(BadInput) as caught:
        check_permission(suite, hub, "prod", wrong, 1000.0)
    assert len(caught.value.problems) == 4
    right = Approval("preprod", NAME, "J. Doe", 1000.0)
    check_permission(suite, hub, NAME, right, 999.0)
    with pytest.raises(BadInput):
        check_permission(suite, hub, NAME, right, 1000.0 - 8 * 86_400.0)
    check_still_approved(right, 900.0, 100.0)
    with pytest.raises(Stopped):
        check_still_approved(right, 901.0, 100.0)


def test_a_hub_that_others_use_has_an_identity_and_stop_conditions(tmp_path: Path) -> None:
    """A suite that leaves one out, or gives them to an embedded hub, is refused; so are conditions without a server."""
    path = tmp_path / "preprod.yaml"
    lines = SUITE.splitlines()
    for text in (
        "\n".join(line for line in lines if not line.startswith("stop")),
        "\n".join(line for line in lines if not line.startswith("hub")),
        "\n".join(line for line in lines if not line.startswith("manifests")),
        SUITE.replace("target: kubernetes", "target: local"),
        SUITE.replace(UID, "no uid"),
        SUITE.replace("acked_share_min: 0.5", "acked_share_min: 50"),
        SUITE.replace("blind_s: 60", "blind_s: 60, alerts: [NodeNotReady]"),
        SUITE.replace("blind_s: 60", "blind_s: 60, prometheus: 'http://p:9090'"),
        SUITE.replace("overlays/onprem", "overlays/nowhere"),
    ):
        path.write_text(text)
        with pytest.raises(BadInput, match="cannot be used"):
            read_suite(path)
    path.write_text(SUITE)
    assert read_suite(path).hub == RealHub(NAME, UID)
