"""Questions to Kafka that have to be asked twice."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from workbench.errors import ToolFailed
from workbench.target.local import cluster
from workbench.target.local.cluster import Cluster
from workbench.target.local.kafka_wire import ClusterMetadata
from workbench.target.local.record import Ports


class AnAdmin:
    """Answers with these codes, one a question, and then with a group of one member."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)

    def describe_consumer_groups(self, groups: list[str], **_: Any) -> dict[str, Any]:
        """Return one future a group."""
        return {group: SimpleNamespace(result=self.result) for group in groups}

    def list_consumer_group_offsets(self, _requests: list[Any], **_: Any) -> dict[str, Any]:
        """Return one future for the group: two records committed of alerts-3."""
        place = SimpleNamespace(topic="alerts", partition=3, offset=2)
        return {"group": SimpleNamespace(result=lambda: self.result() and SimpleNamespace(topic_partitions=[place]))}

    def list_offsets(self, wanted: dict[Any, Any], **_: Any) -> dict[Any, Any]:
        """Return that every partition has seven records."""
        return {place: SimpleNamespace(result=lambda: SimpleNamespace(offset=7)) for place in wanted}

    def result(self) -> Any:
        """Raise the next code, or return the group."""
        if self.codes:
            raise KafkaException(KafkaError(self.codes.pop(0)))
        held = SimpleNamespace(topic="alerts", partition=3)
        member = SimpleNamespace(client_id="p-0", assignment=SimpleNamespace(topic_partitions=[held]))
        return SimpleNamespace(members=[member])


def with_admin(admin: AnAdmin, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Return a cluster that is asked through this admin."""
    monkeypatch.setattr(cluster, "ASK_AGAIN_S", 0.0)
    monkeypatch.setattr(Cluster, "_admin", lambda _: admin)
    return Cluster(Ports({}, {}, {}, {}, {}, 0, {}, {}))


def test_a_group_that_is_just_handed_over_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker that answers knows that it is no longer, or not yet, the coordinator."""
    moving = KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS
    assert with_admin(AnAdmin(*moving), monkeypatch).members("group") == {"p-0": ["alerts-3"]}
    assert with_admin(AnAdmin(*moving), monkeypatch).lag_records("group") == 5


def test_any_other_trouble_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """With Kafka's own words."""
    admin = AnAdmin(KafkaError.GROUP_AUTHORIZATION_FAILED)
    with pytest.raises(ToolFailed, match="group group could not be described"):
        with_admin(admin, monkeypatch).members("group")
    assert admin.codes == []


def test_a_broker_that_comes_back_with_a_new_session_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who holds whose session is asked again while a broker's is not connected, or not known, anywhere."""
    answers = [{0: 10, 2: 12}, {0: 10, 1: 31, 2: 12}, {}]
    monkeypatch.setattr(cluster.zookeeper_words, "mode", lambda port: {1: "leader", 2: "follower"}.get(port, ""))
    monkeypatch.setattr(cluster.zookeeper_words, "sessions", lambda port: frozenset({1: {10, 31}, 2: {12}}[port]))
    monkeypatch.setattr(Cluster, "_sessions", lambda _: answers.pop(0))
    asked = Cluster(
        replace(Ports({}, {}, {}, {}, {}, 0, {}, {}), kafka={0: 7, 1: 8, 2: 9}, zookeeper={1: 1, 2: 2, 3: 3})
    )
    away = asked.ensemble()
    assert (away.leader, away.serving, away.server_of_broker) == (1, (1, 2), {0: 1, 1: -1, 2: 2})
    assert asked.ensemble().server_of_broker == {0: 1, 1: 1, 2: 2}
    assert asked.ensemble().server_of_broker == {0: 1, 1: 1, 2: 2}  # of what is known: not asked a third time


def test_zookeeper_that_breaks_off_just_then_leaves_the_controller_of_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection looked whole and broke while it was asked: the brokers are asked all the same."""
    state = SimpleNamespace(leader=1)
    monkeypatch.setattr(Cluster, "_zookeeper_is_near", lambda _: True)
    monkeypatch.setattr(Cluster, "_ask_broker", lambda *_: ClusterMetadata(frozenset({1}), 1, {"alerts-0": state}))

    def breaks_off(_: Cluster, method: str, path: str) -> Any:
        raise ToolFailed(f"ZooKeeper did not answer for {path} ({method})")

    monkeypatch.setattr(Cluster, "_ask_zookeeper", breaks_off)
    found = Cluster(Ports({1: 9092}, {}, {}, {}, {}, 0, {}, {}))
    assert found.partition_states() == {"alerts-0": state}
