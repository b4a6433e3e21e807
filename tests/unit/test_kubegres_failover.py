"""The stand-in for Kubegres's manager on a cluster: its rules over what StatefulSets say, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from workbench.target.throwaway.hub import kubegres_failover as failover
from workbench.target.throwaway.hub.kubegres import Kubegres
from workbench.target.throwaway.hub.kubegres_failover import Instance, Manager, Operation, instances_of
from workbench.topology.rendering import render

THROWAWAY = Path(__file__).parents[2] / "manifests" / "overlays" / "throwaway"
ALL_READY = (True, True, True)


@pytest.fixture
def manager() -> Manager:
    """The rules for the throwaway overlay's Postgres."""
    resource = next(each for each in render(THROWAWAY) if each["kind"] == "Kubegres")
    return Manager(Kubegres(resource))


def _instances(*ready: bool) -> list[Instance]:
    roles = ["primary", "replica", "replica"]
    return [Instance(n, f"postgres-{n}", roles[n - 1], up) for n, up in enumerate(ready, 1)]


def test_a_whole_cluster_is_left_alone(manager: Manager) -> None:
    """Nothing is done while all are ready, nor before any replica was: a hub that starts fails over nowhere."""
    assert manager.next_step(_instances(*ALL_READY), 0.0) == ("", None)
    assert manager.next_step(_instances(False, False, False), 1.0) == ("", None)


def test_an_unready_primary_is_failed_over(manager: Manager) -> None:
    """Unready or missing, the primary goes as soon as one replica is ready, and the lowest ready index is chosen."""
    step, instance = manager.next_step(_instances(False, False, True), 0.0)
    assert (step, instance and instance.number) == ("fail over", 1)
    assert manager.next_step(_instances(*ALL_READY)[1:], 0.0) == ("fail over", None)
    assert failover.chosen(_instances(False, False, True)[1:]) == _instances(False, False, True)[2]
    assert failover.chosen(list(reversed(_instances(*ALL_READY)[1:]))) == _instances(*ALL_READY)[1]


def test_a_promotion_holds_everything_else_back(manager: Manager) -> None:
    """40 s at least, until the new primary is ready, and never longer than 300 s."""
    manager.operation = Operation(failover.PROMOTED, 2, begun_s=100.0)
    promoted = [Instance(2, "postgres-2", "primary", True), Instance(3, "postgres-3", "replica", True)]
    assert manager.next_step(promoted, 139.0) == ("", None)
    assert manager.next_step(promoted, 140.0) == ("make", None)
    manager.operation = Operation(failover.PROMOTED, 2, begun_s=100.0)
    unready = [Instance(2, "postgres-2", "primary", False), Instance(3, "postgres-3", "replica", True)]
    assert manager.next_step(unready, 399.0) == ("", None)
    assert manager.next_step(unready, 400.0)[0] == "fail over"


def test_a_new_instance_blocks_a_fail_over_until_it_is_ready(manager: Manager) -> None:
    """The published weakness: a primary lost while a replica is copied waits for that, at most 300 s."""
    manager.operation = Operation(failover.REBUILT, 4, begun_s=0.0)
    now = [Instance(2, "p2", "primary", False), Instance(3, "p3", "replica", True), Instance(4, "p4", "replica", False)]
    assert manager.next_step(now, 10.0) == ("", None)
    assert manager.next_step([now[0], now[1], Instance(4, "p4", "replica", True)], 11.0)[0] == "fail over"


def test_a_replica_that_was_ready_is_given_up(manager: Manager) -> None:
    """One that never was is still starting; one that was is deleted, and another made under a new index."""
    assert manager.next_step(_instances(True, True, False), 0.0) == ("", None)
    assert manager.next_step(_instances(*ALL_READY), 1.0) == ("", None)
    step, instance = manager.next_step(_instances(True, True, False), 2.0)
    assert (step, instance and instance.number) == ("give up", 3)
    assert manager.next_step(_instances(True, True), 3.0) == ("make", None)


def test_it_does_nothing_where_fail_over_is_disabled() -> None:
    """spec.failover.isDisabled is obeyed."""
    resource = next(dict(each) for each in render(THROWAWAY) if each["kind"] == "Kubegres")
    resource["spec"] = {**resource["spec"], "failover": {"isDisabled": True}}
    assert Manager(Kubegres(resource)).next_step(_instances(False, True, True), 0.0) == ("", None)


def test_instances_are_read_from_stateful_sets(manager: Manager) -> None:
    """Index and role are the pod template's labels; what is being deleted and what is another's do not count."""
    made: list[dict[str, Any]] = [manager.kubegres.instance(n, role) for n, role in ((10, "replica"), (2, "primary"))]
    for each, ready in zip(made, (1, 0), strict=True):
        each["status"] = {"readyReplicas": ready} if ready else {}
    deleted = {**made[0], "metadata": {**made[0]["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    other = {"metadata": {"name": "redis"}, "spec": {"template": {"metadata": {}}}, "status": {}}
    found = instances_of([*made, deleted, other], "postgres")
    assert found == [Instance(2, "postgres-2", "primary", False), Instance(10, "postgres-10", "replica", True)]


def test_a_promotion_changes_the_role_and_touches_the_trigger(manager: Manager) -> None:
    """The patch makes the pod start again as the one that the primary's Service chooses, and promote itself."""
    template = manager.kubegres.promotion()["spec"]["template"]
    assert template["metadata"]["labels"] == {"replicationRole": "primary"}
    (touch,) = template["spec"]["initContainers"]
    start = manager.kubegres.objects()[0]["data"]["start.sh"]
    assert f"promote_trigger_file={touch['command'][1]}" in start
