"""A node's loss: zone states, who is evicted and when, who comes back, and the rules every forecast must keep."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from workbench import api
from workbench.cli import root
from workbench.errors import BadInput, ToolFailed
from workbench.model.control_plane import CONTROL_PLANE, Forecast, Loss, checking, node_loss, release
from workbench.model.control_plane.api_limits import burst_s
from workbench.model.control_plane.constants import Draws, Release, rows
from workbench.model.control_plane.lifecycle import Silence, play
from workbench.model.control_plane.lost_node import controllers_of
from workbench.model.control_plane.owner import Owner
from workbench.model.control_plane.results import Fate
from workbench.model.control_plane.routing import synced_s
from workbench.model.control_plane.zones import EvictionRates, ZoneState, taints_per_s, zone_state
from workbench.topology import HubTopology, read_topology
from workbench.topology.pods import PodTraits, read_pod_traits

BASE = api.DEFAULT_MANIFESTS
RATES = EvictionRates(0.1, 0.01, 0.55, 50.0)
FOREVER = float("inf")
REPLICATIONS = 25
SOME = np.array([1.0, 2.0])

Hub = tuple[HubTopology, dict[str, PodTraits]]


@pytest.fixture(scope="module")
def hub() -> Hub:
    """Return the hub of the base manifests."""
    return read_topology(BASE), read_pod_traits(BASE)


def forecast(hub: Hub, loss: Loss, minor: int = 29) -> Forecast:
    """Return a small forecast."""
    return node_loss(*hub, loss, Release(minor), REPLICATIONS, 1)


def fate_of(found: Forecast, pod: str) -> Fate:
    """Return one pod's fate."""
    return next(fate for fate in found.fates if fate.pod.name == pod)


@pytest.mark.parametrize(
    ("nodes", "lost", "state", "rate_per_s"),
    [
        (4, 0, ZoneState.NORMAL, 0.1),
        (4, 1, ZoneState.NORMAL, 0.1),
        (4, 2, ZoneState.NORMAL, 0.1),
        (4, 3, ZoneState.PARTIAL, 0.0),
        (4, 4, ZoneState.FULL, 0.0),
        (100, 54, ZoneState.NORMAL, 0.1),
        (100, 55, ZoneState.PARTIAL, 0.01),
    ],
)
def test_zone_states(nodes: int, lost: int, state: ZoneState, rate_per_s: float) -> None:
    """Partial from three nodes and 55 % on, which stops evictions in small zones; full stops them anywhere."""
    assert zone_state(nodes, lost, 0.55) is state
    assert taints_per_s(state, nodes, RATES) == rate_per_s


@pytest.mark.parametrize(("lost", "tainted"), [(2, 2), (3, 0), (4, 0)])
def test_nobody_is_tainted_in_a_small_disrupted_zone(lost: int, tainted: int) -> None:
    """Of four nodes lost together two are tainted, 10 s apart; three or four lost, none."""
    controller = controllers_of(Draws(rows(Release(29)), 1, 1))[0]
    fates = play(controller, 4, {f"node-{index}": Silence(-1.0) for index in range(lost)}).values()
    assert sum(np.isfinite(fate.tainted_s) for fate in fates) == tainted
    assert all(np.isfinite(fate.not_ready_s) for fate in fates)


def test_a_token_taken_before_the_zone_is_disrupted_counts() -> None:
    """Three of four nodes that go NotReady in different passes: the first was tainted, the others never are."""
    controller = controllers_of(Draws(rows(Release(29)), 1, 1))[0]
    fates = play(controller, 4, {f"node-{index}": Silence(20.0 * index) for index in range(3)})
    assert [bool(np.isfinite(fate.tainted_s)) for fate in fates.values()] == [True, True, False]


def test_a_lost_worker(hub: Hub) -> None:
    """The Deployment's pod is replaced after its toleration, pods of a fixed name and a local volume never."""
    found = forecast(hub, Loss("worker-2"))
    tainted_s = found.moment("tainted_s").values
    processor = fate_of(found, "event-processor-0")
    assert np.allclose(processor.terminating.values, tainted_s + hub[1]["event-processor"].toleration_s)
    assert np.all(processor.runs_again.values > processor.terminating.values)
    last_s = np.maximum(processor.runs_again.values, fate_of(found, "gateway-0").runs_again.values)
    assert np.array_equal(found.moment("replacement_running_s").values, last_s)
    for pod in ("kafka-1", "zookeeper-2"):
        assert fate_of(found, pod).runs_again.share == 0.0
        assert fate_of(found, pod).becomes == "stays on the lost node"  # these tolerate it without end
    impatient = forecast((hub[0], {**hub[1], "kafka": PodTraits(300.0, "local-path")}), Loss("worker-2"))
    assert "volume node affinity conflict" in fate_of(impatient, "kafka-1").why
    assert found.zone is ZoneState.NORMAL
    assert np.all(found.moment("rules_gone_s").values > found.moment("endpoints_gone_s").values)


def test_a_node_back_before_the_toleration(hub: Hub) -> None:
    """Nobody is evicted and pods restart in place; the taint goes within a pass of the kubelet's return."""
    patient = {**hub[1], **dict.fromkeys(("event-processor", "gateway"), PodTraits(300.0, ""))}
    found = forecast((hub[0], patient), Loss("worker-2", back_s=100.0))
    assert found.moment("evicted_s").share == 0.0
    gone_s = found.moment("taint_gone_s").values
    assert np.all((gone_s >= 100.0) & (gone_s <= 105.1))
    for pod in ("kafka-1", "event-processor-0"):
        assert fate_of(found, pod).becomes == "restarts in place"
        assert np.all(fate_of(found, pod).runs_again.values > 100.0)


def test_a_node_back_before_its_grace_is_never_not_ready(hub: Hub) -> None:
    """20 s of silence are too short for the controller, yet Kubegres fails over: its primary has to start."""
    found = forecast(hub, Loss("worker-1", back_s=20.0))
    assert found.moment("not_ready_s").share == found.moment("tainted_s").share == 0.0
    assert fate_of(found, "postgres-1").given_up
    assert np.all(found.moment("postgres_writable_s").values > 20.0 + 1.0 + 10.0)


def test_kubegres_waits_for_its_manager(hub: Hub) -> None:
    """With the manager on the lost node the fail-over comes after its eviction, its start and a whole lease."""
    found = forecast(hub, Loss("worker-1"))
    later_s = found.moment("postgres_writable_manager_lost_s").values
    assert np.all(later_s > found.moment("tainted_s").values + 300.0 + 15.0 + 11.0)
    assert np.all(found.moment("postgres_writable_s").values < 120.0)
    postgres = replace(hub[0].postgres, failover_disabled=True)
    without = forecast((replace(hub[0], postgres=postgres), hub[1]), Loss("worker-1"))
    assert without.moment("postgres_writable_s").share == 0.0
    assert not fate_of(without, "postgres-1").given_up


def test_the_out_of_service_taint(hub: Hub) -> None:
    """It frees a StatefulSet's name within a round of the collector; a local volume keeps the pod Pending."""
    loss = Loss("worker-1", out_of_service_s=100.0)
    assert fate_of(forecast(hub, loss), "redis-0").runs_again.share == 0.0
    movable = {**hub[1], "redis": PodTraits(300.0, "replicated")}
    redis = fate_of(forecast((hub[0], movable), loss), "redis-0")
    assert np.all(redis.terminating.values == 100.0)
    assert np.all((redis.runs_again.values > 101.0) & (redis.runs_again.values < 100.0 + 20.0 + 7.0))


def test_tolerations_of_their_own(hub: Hub) -> None:
    """A toleration of 0 s is an eviction with the taint; one without an end is none."""
    short = forecast((hub[0], {**hub[1], "event-processor": PodTraits(0.0, "")}), Loss("worker-2"))
    processor = fate_of(short, "event-processor-0")
    assert np.allclose(processor.terminating.values, short.moment("tainted_s").values)
    endless = forecast((hub[0], {**hub[1], "event-processor": PodTraits(FOREVER, "")}), Loss("worker-2"))
    assert fate_of(endless, "event-processor-0").becomes == "stays on the lost node"


def test_the_control_plane_alone(hub: Hub) -> None:
    """Nobody is evicted when it returns, since every node gets a fresh grace; controllers wait for a lease first."""
    found = forecast(hub, Loss(CONTROL_PLANE))
    assert not found.fates
    assert found.moment("controllers_act_s").values.min() >= 15.0
    assert found.moment("snapshot_age_s").percentile(95.0) <= 12 * 3600.0


def test_a_worker_and_the_control_plane(hub: Hub) -> None:
    """The lost worker is NotReady a whole grace after the controllers act, however long it was silent before."""
    found = forecast(hub, Loss("worker-1", control_plane=True))
    after_s = found.moment("not_ready_s").values - found.moment("controllers_act_s").values
    assert after_s == pytest.approx(40.0, abs=0.02)


def test_rules_wait_after_two_changes() -> None:
    """kube-proxy writes two changes at once and a third a period after the second (burst 2, 1 s)."""
    assert synced_s([0.0], 1.0, 2.0, 0.05) == pytest.approx(0.05)
    assert synced_s([0.0, 0.1], 1.0, 2.0, 0.05) == pytest.approx(0.15)
    assert synced_s([0.0, 0.1, 0.2], 1.0, 2.0, 0.05) == pytest.approx(0.15 + 1.0 + 0.05)


def test_a_burst_takes_what_the_slower_of_client_and_server_allows() -> None:
    """130 requests at 20/s after 30: the last leaves after 5 s; a slow server with 2 places is the bound instead."""
    assert burst_s(130, 20.0, 30.0, 200.0, 0.01) == pytest.approx(5.0 + 0.01)
    assert burst_s(30, 20.0, 30.0, 200.0, 0.01) == pytest.approx(0.01 + 30 * 0.01 / 200.0)
    assert burst_s(130, 20.0, 30.0, 2.0, 0.2) == pytest.approx(13.0 + 0.2)


def test_each_rule_finds_its_breach() -> None:
    """Moments out of order, an effect without its cause, an early eviction and a second pod of a name are errors."""
    never = np.full(2, np.nan)
    with pytest.raises(ToolFailed, match="put tainted before not_ready"):
        checking.in_order(not_ready=SOME, tainted=SOME - 0.5)
    with pytest.raises(ToolFailed, match="without"):
        checking.follows("NotReady", never, "the taint", SOME)
    with pytest.raises(ToolFailed, match="before its toleration"):
        checking.tolerated(SOME, SOME + 299.0, 300.0)
    with pytest.raises(ToolFailed, match="while it was Terminating"):
        checking.one_at_a_time(Owner.STATEFUL_SET, SOME + 5.0, never, FOREVER)
    checking.one_at_a_time(Owner.REPLICA_SET, SOME + 5.0, never, FOREVER)
    checking.tolerated(SOME, never, 300.0)


def test_tolerations_are_read_from_the_manifests(tmp_path: Path) -> None:
    """The first toleration that matches unreachable:NoExecute counts, with its own seconds."""
    (tmp_path / "kustomization.yaml").write_text(
        f"resources: [{os.path.relpath(BASE, tmp_path)}]\n"
        "patches:\n"
        "  - patch: |\n"
        "      apiVersion: apps/v1\n"
        "      kind: Deployment\n"
        "      metadata: {name: event-processor, namespace: central-hub}\n"
        "      spec: {template: {spec: {tolerations: [\n"
        "        {key: node.kubernetes.io/not-ready, operator: Exists, tolerationSeconds: 5},\n"
        "        {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute,\n"
        "         tolerationSeconds: 20}]}}}\n"
    )
    traits = read_pod_traits(tmp_path)
    assert traits["event-processor"] == PodTraits(20.0, "")
    assert traits["redis"] == PodTraits(FOREVER, "local-path")
    assert traits["redis"].local_volume


def test_the_command_gives_the_same_bytes_for_the_same_seed() -> None:
    """JSON twice under seed 7 is the same, under seed 8 another; the table names what never comes back."""
    asked = ["node-loss", "worker-1", "--replications", "20", "--seed"]
    first, again, other = (CliRunner().invoke(root, [*asked, seed, "--json"]).output for seed in ("7", "7", "8"))
    assert first == again != other
    table = CliRunner().invoke(root, [*asked, "7"]).output
    assert "stays on the lost node" in " ".join(table.split())
    assert "node NotReady" in table


def test_what_is_not_there_is_refused(hub: Hub) -> None:
    """An unknown node, a release without a model and a return in the past are bad input."""
    with pytest.raises(BadInput, match="worker-9"):
        forecast(hub, Loss("worker-9"))
    with pytest.raises(BadInput, match=r"1\.29 to 1\.34"):
        release("1.28")
    with pytest.raises(BadInput, match="from 0"):
        forecast(hub, Loss("worker-1", back_s=-1.0))
