"""`workbench place` and api.place: the hub's manifests on the reference nodes, and what a person or a script reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.scheduling_cases import written
from workbench import api
from workbench.cli import main
from workbench.scenario import PROJECT_ROOT

BASE = PROJECT_ROOT / "manifests" / "base"
NODES = PROJECT_ROOT / "scenarios" / "nodes" / "reference-hub.yaml"
TOO_BIG = """
apiVersion: v1
kind: Pod
metadata: {name: big}
spec: {containers: [{name: c, resources: {requests: {cpu: "9", memory: 1Gi}}}]}
"""
LEFT_OUT = ["the entity operator of Kafka hub", "the Kafka exporter of Kafka hub"]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Return the exit code and what was printed."""
    with pytest.raises(SystemExit) as ended:
        main(["place", *arguments])
    return int(ended.value.code or 0), capsys.readouterr().out


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_hub_fits_its_workers_one_of_each_kind_a_worker(seed: int) -> None:
    """Whatever the ties: three brokers, ZooKeepers and Postgres instances apart, none on the control plane."""
    result = api.place(BASE, NODES, seed)
    nodes = {each.pod.name: each.node for each in result.decisions}
    assert not result.pending
    for kind in ("hub-kafka", "hub-zookeeper", "postgres"):
        assert {node for name, node in nodes.items() if name.startswith(kind)} == {"worker-1", "worker-2", "worker-3"}
    assert nodes["event-processor-0"] != nodes["event-processor-1"]
    assert list(result.table.columns) == ["node", "tied", "reason"]


def test_json_holds_every_plugins_score_and_every_rejection(capsys: pytest.CaptureFixture[str]) -> None:
    """The totals are the weighted sums; nodes are either scored or rejected."""
    code, out = run(capsys, str(BASE), "--nodes", str(NODES), "--json")
    content = json.loads(out)
    assert (code, len(content["pods"]), content["left_out"]) == (0, 13, LEFT_OUT)
    for pod in content["pods"]:
        for node, total in pod["totals"].items():
            assert total == sum(content["weights"][name] * points for name, points in pod["scores"][node].items())
        assert pod["node"] in pod["tied"]
        assert len(pod["totals"] or pod["tied"]) + len(pod["rejected"]) == 4
    assert content["pods"][0]["rejected"]["control-plane"]["plugin"] == "TaintToleration"


def test_a_pending_pod_is_explained_and_fails_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Exit code 1 and kube-scheduler's own line; without --nodes the reference hub's are taken."""
    code, out = run(capsys, str(written(tmp_path, TOO_BIG)))
    assert code == 1
    assert "default/big -> pending" in out
    assert (
        "0/4 nodes are available: 1 node(s) had untolerated taint {CriticalAddonsOnly: true}, 3 Insufficient cpu."
        in out
    )
    assert "placed 0 of 1 pods, pending 1" in out


def test_the_table_tells_nodes_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """The second processor avoids the first: a column for spreading, the rest in one line; no colour in a pipe."""
    _, out = run(capsys, str(BASE))
    last = out.partition("event-processor-1")[2]
    assert "2 x PodTopologySpread" in last
    assert "the same for all, weighted: TaintToleration 300" in last
    assert "left out, not placed: the entity operator of Kafka hub" in last
    assert "\x1b" not in out
