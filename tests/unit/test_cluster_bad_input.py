"""What is wrong with a cluster or the way to it is told before anything happens, all of it at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from chaoslib.exceptions import InterruptExecution
from click.testing import CliRunner

from tests.support.fake_api import JsonHandler, served
from workbench.chaos.cluster import break_cluster
from workbench.cli import root
from workbench.errors import BadInput, Stopped, ToolFailed, UndoUnverified
from workbench.safety.snapshot import Snapshot
from workbench.safety.undo import ClusterObject, DrillRecord, Undo, UndoEntry
from workbench.scenario import PROJECT_ROOT
from workbench.target.kubernetes import api as kubernetes_api
from workbench.target.kubernetes import hold as hold_module
from workbench.target.kubernetes import record as record_module
from workbench.target.kubernetes.api import Api
from workbench.target.kubernetes.hold import Hold, a_record
from workbench.target.kubernetes.likeness import check_likeness
from workbench.target.kubernetes.pods import HubPod
from workbench.target.kubernetes.record import ClusterRecord
from workbench.target.kubernetes.rights import Right, check_rights, drill_rights
from workbench.target.kubernetes.undoing import Undoing
from workbench.topology import read_topology

MANIFESTS = PROJECT_ROOT / "manifests" / "overlays" / "throwaway"
TOPOLOGY = read_topology(MANIFESTS)
KAFKA = f"/apis/kafka.strimzi.io/v1beta2/namespaces/{TOPOLOGY.namespace}/kafkas/{TOPOLOGY.kafka.name}"
KUBEGRES = f"/apis/kubegres.reactive-tech.io/v1/namespaces/{TOPOLOGY.namespace}/kubegres/{TOPOLOGY.postgres.name}"


class _Api(JsonHandler, BaseHTTPRequestHandler):
    """Answers what the test wants; refuses the rights that the test takes away; notes what is asked."""

    answers: ClassVar[dict[str, Any]] = {}
    denied: ClassVar[set[str]] = set()
    status: ClassVar[int] = 200
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.asked.append(f"GET {path}")
        known = 200 if path in self.answers else 404
        self.answer(max(known, self.status), self.answers.get(path, {"message": "not there"}))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "selfsubjectaccessreviews" in self.path:
            wanted = body["spec"]["resourceAttributes"]
            resource = "/".join(filter(None, (wanted["resource"], wanted["subresource"])))
            body["status"] = {"allowed": f"{wanted['verb']} {resource}" not in self.denied}
        self.asked.append(f"POST {self.path}")
        self.answer(self.status, body if self.status < 400 else {"message": "Unauthorized"})

    def do_DELETE(self) -> None:
        self.asked.append(f"DELETE {self.path}")
        self.answer(200, {})


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """An API that knows its version and nothing else."""
    version = dict.fromkeys(("buildDate", "compiler", "gitCommit", "gitTreeState", "goVersion", "platform"), "1")
    version |= {"major": "1", "minor": "29", "gitVersion": "v1.29.15"}
    monkeypatch.setattr(_Api, "answers", {"/version/": version})
    for name, value in (("denied", set()), ("status", 200), ("asked", [])):
        monkeypatch.setattr(_Api, name, value)
    with served(_Api, tmp_path / "kubeconfig"):
        yield Api(tmp_path / "kubeconfig")


def pods(*names: str) -> list[HubPod]:
    """Return ready pods of servers."""
    return [HubPod(name, f"pod-{name}", f"uid-{name}", "worker-1", "10.0.0.7", "i:1", True, {}) for name in names]


CLUSTER = {"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}
CONTEXT = {"name": "c", "context": {"cluster": "c", "user": "u"}}
USER = {"name": "u", "user": {"token": "t"}}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "- a list\n",
        "a: [\n",
        yaml.safe_dump({"clusters": [], "users": [], "contexts": [], "current-context": ""}),
        yaml.safe_dump({"clusters": [], "users": [USER], "contexts": [CONTEXT], "current-context": "c"}),
        yaml.safe_dump({"clusters": [CLUSTER], "users": [USER], "contexts": [CONTEXT], "current-context": "other"}),
        yaml.safe_dump(
            {
                "clusters": [
                    {"name": "c", "cluster": {"server": "https://127.0.0.1:1", "certificate-authority": "/no"}}
                ],
                "users": [USER],
                "contexts": [CONTEXT],
                "current-context": "c",
            }
        ),
        yaml.safe_dump(
            {
                "clusters": [{"name": "c", "cluster": {}}],
                "users": [USER],
                "contexts": [CONTEXT],
                "current-context": "c",
            }
        ),
    ],
    ids=["empty", "list", "broken", "nothing", "no cluster", "no context", "no certificate", "no server"],
)
def test_a_wrong_kubeconfig_is_told_in_a_line(content: str, tmp_path: Path) -> None:
    """By its name, whatever is wrong with it, by the drill as by the recovery."""
    path = tmp_path / "kubeconfig"
    path.write_text(content)
    with pytest.raises(BadInput, match="is no kubeconfig that leads to a cluster") as told:
        Api(path)
    assert len(str(told.value).splitlines()) == 1
    done = CliRunner().invoke(root, ["recover", "--kubeconfig", str(path)])
    assert isinstance(done.exception, BadInput)


def test_without_a_kubeconfig_nothing_is_recovered(tmp_path: Path) -> None:
    """The file that is not there is named."""
    done = CliRunner().invoke(root, ["recover", "--kubeconfig", str(tmp_path / "none")])
    assert isinstance(done.exception, BadInput)
    assert str(tmp_path / "none") in str(done.exception)


def test_a_context_that_the_kubeconfig_does_not_have_is_refused(api: Api, tmp_path: Path) -> None:
    """The current one is not taken in its place."""
    with pytest.raises(BadInput, match="other"):
        Api(tmp_path / "kubeconfig", "other")


def test_a_dry_run_is_for_a_cluster() -> None:
    """The embedded hub is not there before its drill."""
    done = CliRunner().invoke(root, ["drill", "broker-loss", "--dry-run"])
    assert isinstance(done.exception, BadInput)


def test_expired_credentials_are_told_as_such(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API server's 401 is no tool's failure."""
    monkeypatch.setattr(_Api, "status", 401)
    with pytest.raises(BadInput, match="credentials: they have expired"):
        check_rights(api, [Right("list", "pods")])


def test_every_missing_right_is_told_before_anything_happens(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verb, resource and where; nothing but questions was sent."""
    monkeypatch.setattr(_Api, "denied", {"create pods/exec", "list nodes"})
    with pytest.raises(BadInput) as told:
        check_rights(api, drill_rights("central-hub"))
    assert [problem.key for problem in told.value.problems] == ["list nodes", "create pods/exec in hub-workbench"]
    assert {each for each in _Api.asked if "selfsubjectaccessreviews" not in each} == set()


def test_a_cluster_that_nobody_answers_at_is_a_tool_s_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And told with the address, within the bound of a connection."""
    path = tmp_path / "kubeconfig"
    content = {"clusters": [CLUSTER], "users": [USER], "contexts": [CONTEXT], "current-context": "c"}
    path.write_text(yaml.safe_dump(content))
    monkeypatch.setattr(kubernetes_api.urllib3, "Retry", lambda **_: False)
    with pytest.raises(ToolFailed, match=r"127\.0\.0\.1"):
        ClusterRecord(Api(path)).holder()


def test_another_release_and_other_servers_are_refused(api: Api) -> None:
    """All of it at once: Kubernetes, a broker without a pod, a broker too many."""
    _Api.answers["/version/"]["gitVersion"] = "v1.31.2"
    with pytest.raises(BadInput) as told:
        check_likeness(api, TOPOLOGY, pods("kafka-0", "kafka-7"), ["kafka-0", "kafka-1"])
    assert [(each.key, each.value) for each in told.value.problems] == [
        ("Kubernetes", "v1.31.2"),
        ("kafka-1", "without a pod"),
        ("kafka-7", "there"),
    ]


def test_operators_that_run_something_else_are_refused(api: Api) -> None:
    """Where Strimzi's and Kubegres's kinds are there, their resources must be the manifests'."""
    _Api.answers[KAFKA] = {"spec": {"kafka": {"version": "3.6.0", "replicas": 5}}}
    _Api.answers[KUBEGRES] = {"spec": {"replicas": 2}}
    with pytest.raises(BadInput) as told:
        check_likeness(api, TOPOLOGY, pods("kafka-0"), ["kafka-0"])
    assert [(each.key, each.value) for each in told.value.problems] == [
        ("spec.kafka.version", "3.6.0"),
        ("spec.kafka.replicas", "5"),
        ("spec.replicas", "2"),
    ]


def test_the_hub_of_the_manifests_is_taken(api: Api) -> None:
    """Where the operators' kinds are not there nothing of them is compared."""
    assert check_likeness(api, TOPOLOGY, pods("kafka-0"), ["kafka-0"]) == "v1.29.15"


@pytest.mark.parametrize("undo", Undo)
def test_nothing_without_a_name_reaches_the_cluster(api: Api, undo: Undo) -> None:
    """An empty name would mean every object of the kind: all nodes, all namespaces."""
    entry = UndoEntry("x", (ClusterObject("Node", "", "uid"),), undo, 0.0)
    with pytest.raises(BadInput, match="no name of the Node"):
        Undoing(api, "").undo(entry)
    assert _Api.asked == []


def test_a_power_that_is_not_known_here_is_left_to_a_person(api: Api) -> None:
    """Said with the node's name; the rest of the undo goes on."""
    undoing = Undoing(api, "")
    undoing.undo(UndoEntry("NodePowerOff", (ClusterObject("Node", "worker-2", "uid"),), Undo.POWER_ON, 0.0))
    assert undoing.done == []
    assert undoing.for_a_person[0].startswith("switch worker-2 on")


def test_an_api_that_goes_away_in_a_drill_leaves_its_undo_unverified(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 6, not the tool's 3: something may still be broken, and the message says what to do later."""
    monkeypatch.setattr(hold_module, "AWAY_S", 0.0)
    monkeypatch.setattr(_Api, "status", 500)
    hold = Hold(api, a_record("r"), tmp_path)
    with pytest.raises(UndoUnverified, match=r"could not be read: 500 .*later: workbench recover"):
        hold.finish()


def test_a_record_of_another_run_is_not_written_to(api: Api) -> None:
    """Where somebody recovered the cluster the driver, should it live again, breaks nothing more."""
    record = replace(a_record("mine"), recovering=True)
    place = "/api/v1/namespaces/hub-workbench/configmaps/drill"
    for holder, words in (
        (record, "somebody recovers"),
        (replace(record, run_id="another"), "no record of drill mine"),
    ):
        _Api.answers[place] = _config_map(holder)
        with pytest.raises(Stopped, match=words):
            ClusterRecord(api).add("mine", UndoEntry("x", (), Undo.AWAIT, 0.0))


def _config_map(record: DrillRecord) -> dict[str, Any]:
    metadata = {"name": "drill", "namespace": "hub-workbench", "resourceVersion": "1"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"content": record.to_json()}}


def test_a_snapshot_too_large_for_the_cluster_is_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its size; nothing of it is written."""
    monkeypatch.setattr(record_module, "PART_BYTES", 1)
    monkeypatch.setattr(record_module, "PARTS_MAX", 3)
    with pytest.raises(ToolFailed, match="more than fit"):
        ClusterRecord(api).write(a_record("r"), Snapshot({"Node a": {"x": "y"}}, {}))
    assert _Api.asked == []


def test_an_experiment_s_bad_input_interrupts_it(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chaos Toolkit goes on after any other error; an unknown fault asks for nothing, missing rights break nothing."""
    where = {"kubeconfig": str(tmp_path / "kubeconfig"), "manifests": str(MANIFESTS), "out": str(tmp_path / "out")}
    with pytest.raises(InterruptExecution, match="Telepathy"):
        break_cluster("Telepathy", node="worker-1", **where)
    assert _Api.asked == []
    monkeypatch.setattr(_Api, "denied", {"create pods/eviction"})
    with pytest.raises(InterruptExecution, match=r"create pods/eviction is not allowed"):
        break_cluster("NodeDrain", node="worker-1", **where)
    assert not (tmp_path / "out").exists()
