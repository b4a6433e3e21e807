"""A safe drill, without a cluster: differences have names, quorums are kept, records outlive their writer."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.errors import BadInput, MachineTrouble
from workbench.fault import Risk
from workbench.safety.blast_radius import HubState, PartitionSet, risks
from workbench.safety.room import Need, quantity, without_room
from workbench.safety.snapshot import (
    Difference,
    Snapshot,
    differences,
    facts,
    is_under_way,
    last_writer,
    object_name,
    passes_by_itself,
)
from workbench.safety.undo import ClusterObject, DrillRecord, Undo, UndoEntry, read_drill_record
from workbench.target.powers import find_power
from workbench.target.throwaway.power import ThrowawayPower


def a_node(**spec: Any) -> dict[str, Any]:
    """Return a node as the API gives it."""
    return {
        "metadata": {"name": "worker-1", "uid": "u-1", "labels": {"zone": "a"}},
        "spec": spec,
        "status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"bootID": "b"}},
    }


def a_snapshot(*objects: tuple[str, dict[str, Any]]) -> Snapshot:
    """Return the snapshot of objects, each with its kind."""
    return Snapshot(
        {object_name(kind, raw): facts(kind, raw) for kind, raw in objects},
        {object_name(kind, raw): last_writer(raw) for kind, raw in objects},
    )


def test_a_difference_has_the_name_of_object_and_field() -> None:
    """What was there, what is there now, and who wrote it last, all in one line."""
    before, after = a_node(), a_node(unschedulable=True)
    after["metadata"]["managedFields"] = [
        {"manager": "kubelet", "time": "2026-01-01T00:00:09Z", "subresource": "status"},
        {"manager": "kubectl-cordon", "time": "2026-01-01T00:00:02Z"},
        {"manager": "before", "time": "2026-01-01T00:00:01Z"},
    ]
    (found,) = differences(a_snapshot(("Node", before)), a_snapshot(("Node", after)))
    assert str(found) == (
        "Node worker-1: spec.unschedulable is true, was absent (last written by kubectl-cordon at 2026-01-01T00:00:02Z)"
    )


def test_the_same_is_no_difference() -> None:
    """Status but for readiness is what a cluster changes all the time."""
    after = a_node()
    after["status"]["nodeInfo"]["bootID"] = "another"
    after["metadata"]["resourceVersion"] = "7"
    assert differences(a_snapshot(("Node", a_node())), a_snapshot(("Node", after))) == ()


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"metadata": {"name": "worker-1", "uid": "u-2", "labels": {"zone": "a"}}}, "uid"),
        ({"metadata": {"name": "worker-1", "uid": "u-1"}}, "metadata.labels.zone"),
        ({"spec": {"taints": [{"key": "drill", "effect": "NoSchedule"}]}}, "spec.taints[drill:NoSchedule].effect"),
        ({"status": {"conditions": []}}, "status.Ready"),
    ],
)
def test_each_kind_of_change_is_seen(change: dict[str, Any], path: str) -> None:
    """A successor of the same name, a label that went, a taint that came, a node that is not ready."""
    found = differences(a_snapshot(("Node", a_node())), a_snapshot(("Node", {**a_node(), **change})))
    assert path in [each.path for each in found]


def test_objects_that_came_and_went_are_seen() -> None:
    """Both ways."""
    here, nothing = a_snapshot(("Node", a_node())), a_snapshot()
    assert [str(each) for each in differences(nothing, here)] == ["Node worker-1 is there, was absent"]
    assert [str(each) for each in differences(here, nothing)] == ["Node worker-1 is absent, was there"]


def test_two_taints_of_one_key_are_two() -> None:
    """A taint is called by key and effect: a node may have the same key with two."""
    taints = [{"key": "k", "effect": "NoSchedule"}, {"key": "k", "effect": "NoExecute"}]
    before, after = a_snapshot(("Node", a_node(taints=taints[:1]))), a_snapshot(("Node", a_node(taints=taints)))
    assert {each.path for each in differences(before, after)} >= {"spec.taints[k:NoExecute].effect"}


def test_of_a_secret_only_a_hash_is_kept() -> None:
    """A change is seen, the value is nowhere."""
    secret = {"metadata": {"name": "s", "namespace": "n", "uid": "u"}, "data": {"word": "b25l"}}
    kept = facts("Secret", secret)
    assert kept["data.word"].startswith("sha256:")
    assert b"b25l" not in a_snapshot(("Secret", secret)).to_bytes()
    assert facts("Secret", {**secret, "data": {"word": "dHdv"}}) != kept


def test_only_readiness_and_deletions_are_waited_for() -> None:
    """A node that is not ready yet is; one that is cordoned is not."""
    effects = ("NoExecute", "NoSchedule")  # a node that comes back has both
    not_ready = a_node(taints=[{"key": "node.kubernetes.io/unreachable", "effect": each} for each in effects])
    not_ready["status"]["conditions"] = [{"type": "Ready", "status": "Unknown"}]
    not_ready["metadata"]["deletionTimestamp"] = "now"
    found = differences(a_snapshot(("Node", a_node())), a_snapshot(("Node", not_ready)))
    assert len(found) == 6
    assert all(map(passes_by_itself, found))
    (cordoned,) = differences(a_snapshot(("Node", a_node())), a_snapshot(("Node", a_node(unschedulable=True))))
    assert not passes_by_itself(cordoned)
    assert is_under_way(found)
    scaled = Difference("Deployment n/d", "spec.replicas", "2", "1"), Difference("Deployment n/d", "status.x", "2", "1")
    assert not is_under_way(scaled)


def test_a_snapshot_and_a_record_are_read_again() -> None:
    """As bytes and as text, whoever reads them."""
    snapshot = a_snapshot(("Node", a_node()))
    assert Snapshot.from_bytes(snapshot.to_bytes()) == snapshot
    entry = UndoEntry("NodeCordon", (ClusterObject("Node", "worker-1", "u-1"),), Undo.UNCORDON, 1.5)
    record = DrillRecord("r", "host:1", 1.0, "throwaway:abc").with_entry(entry)
    assert read_drill_record(record.to_json()) == record


@pytest.mark.parametrize("text", ["", "{}", '{"run_id": "r", "driver": "d", "begun_s": 1.0, "format": 99}'])
def test_a_record_of_another_version_is_not_guessed_at(text: str) -> None:
    """To undo the wrong thing would be worse than to undo nothing."""
    with pytest.raises(MachineTrouble, match=r"another version|format 99"):
        read_drill_record(text)


STATE = HubState(
    zookeeper_servers=frozenset({1, 2, 3}),
    zookeeper_serving=frozenset({1, 2, 3}),
    partitions={"alerts-0": PartitionSet(frozenset({0, 1, 2}), 2)},
    postgres_ready=frozenset({"postgres-1", "postgres-2"}),
    control_plane_nodes=frozenset({"control-plane"}),
    driver_nodes=frozenset({"worker-3"}),
)


@pytest.mark.parametrize(
    ("servers", "nodes", "broken"),
    [
        (["kafka-1", "zookeeper-1", "postgres-1"], ["worker-1"], set()),
        (["kafka-1", "kafka-2"], [], {Risk.IN_SYNC_SETS}),
        (["zookeeper-1", "zookeeper-3"], [], {Risk.ZOOKEEPER_QUORUM}),
        (["postgres-1", "postgres-2"], [], {Risk.LAST_POSTGRES}),
        ([], ["control-plane", "worker-3"], {Risk.CONTROL_PLANE, Risk.DRIVER}),
    ],
)
def test_what_would_break_beyond_the_victim_is_told(servers: list[str], nodes: list[str], broken: set[Risk]) -> None:
    """One of each may go; two of three brokers, two of three ZooKeeper servers, the last database may not."""
    assert set(risks(servers, nodes, STATE)) == broken


def test_one_broker_more_is_too_many_where_one_is_out_already() -> None:
    """The in-sync set as it is decides, not the number of replicas."""
    state = HubState(
        partitions={"alerts-0": PartitionSet(frozenset({0, 1}), 2), "b-0": PartitionSet(frozenset({2}), 2)}
    )
    told = risks(["kafka-1"], (), state)
    assert told == {
        Risk.IN_SYNC_SETS: "1 partitions would take no writes: alerts-0 would have 1 in-sync replicas of the 2 it needs"
    }


def test_a_power_is_found_by_its_address() -> None:
    """And refused by name where nobody knows it."""
    assert find_power("throwaway:abc").address == "throwaway:abc"
    for address in ("", "throwaway:", "telepathy:x"):
        with pytest.raises(BadInput, match=r"throwaway:\.\.\."):
            find_power(address)


def test_no_node_has_an_empty_name() -> None:
    """Refused before anything is looked for."""
    power = ThrowawayPower("abc")
    for ask in (power.power_off, power.power_on, power.is_on):
        with pytest.raises(BadInput, match="no name of the node"):
            ask("")


@pytest.mark.parametrize(("text", "number"), [("250m", 0.25), ("2", 2.0), ("4Gi", 4 * 2.0**30), ("1k", 1000.0)])
def test_a_quantity_is_read_as_kubernetes_means_it(text: str, number: float) -> None:
    """Thousandths, binary and decimal multiples."""
    assert quantity(text) == number


def test_pods_without_room_are_named() -> None:
    """The largest takes the roomiest node; what fits nowhere by processor, memory or number of pods is told."""
    nodes = [Need("a", 2.0, 4.0, 2), Need("b", 2.0, 2.0, 1)]
    assert without_room([Need("x", 1.0, 3.0), Need("y", 1.0, 2.0)], nodes) == []
    assert without_room([Need("x", 1.0, 3.0), Need("y", 1.0, 2.0), Need("z", 0.1, 3.0)], nodes) == ["z"]
    assert without_room([Need("x", 3.0, 1.0)], nodes) == ["x"]
    assert without_room([Need(name, 0.1, 0.1) for name in "stuv"], nodes) == ["v"]
