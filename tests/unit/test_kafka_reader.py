"""Questions to Kafka that have to be asked twice."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from workbench.errors import ToolFailed
from workbench.target.clients import kafka
from workbench.target.clients.addresses import Address, KafkaAddresses, on_loopback
from workbench.target.clients.kafka import KafkaReader, Member
from workbench.target.clients.kafka_wire import ClusterMetadata


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
        member = SimpleNamespace(client_id="p-0", host="/10.0.0.7", assignment=SimpleNamespace(topic_partitions=[held]))
        return SimpleNamespace(members=[member])


def with_admin(admin: AnAdmin, monkeypatch: pytest.MonkeyPatch) -> KafkaReader:
    """Return a cluster that is asked through this admin."""
    monkeypatch.setattr(kafka, "ASK_AGAIN_S", 0.0)
    monkeypatch.setattr(KafkaReader, "_admin", lambda _: admin)
    return KafkaReader(KafkaAddresses({}, {}))


def test_a_group_that_is_just_handed_over_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker that answers knows that it is no longer, or not yet, the coordinator."""
    moving = KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS
    assert with_admin(AnAdmin(*moving), monkeypatch).members("group") == (Member("p-0", "10.0.0.7", ("alerts-3",)),)
    assert with_admin(AnAdmin(*moving), monkeypatch).lag_records("group") == 5


def test_any_other_trouble_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """With Kafka's own words."""
    admin = AnAdmin(KafkaError.GROUP_AUTHORIZATION_FAILED)
    with pytest.raises(ToolFailed, match="group group could not be described"):
        with_admin(admin, monkeypatch).members("group")
    assert admin.codes == []


def _mode(server: Address) -> str:
    return {1: "leader", 2: "follower"}.get(server.port, "")


def _sessions(server: Address) -> frozenset[int]:
    return frozenset({1: {10, 31}, 2: {12}}[server.port])


def test_a_broker_that_comes_back_with_a_new_session_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who holds whose session is asked again while a broker's is not connected, or not known, anywhere."""
    answers = [{0: 10, 2: 12}, {0: 10, 1: 31, 2: 12}, {}]
    monkeypatch.setattr(kafka.zookeeper_words, "mode", _mode)
    monkeypatch.setattr(kafka.zookeeper_words, "sessions", _sessions)
    monkeypatch.setattr(KafkaReader, "_sessions", lambda _: answers.pop(0))
    asked = KafkaReader(KafkaAddresses(on_loopback({0: 7, 1: 8, 2: 9}), on_loopback({1: 1, 2: 2, 3: 3})))
    away = asked.ensemble()
    assert (away.leader, away.serving, away.server_of_broker) == (1, (1, 2), {0: 1, 1: -1, 2: 2})
    assert asked.ensemble().server_of_broker == {0: 1, 1: 1, 2: 2}
    assert asked.ensemble().server_of_broker == {0: 1, 1: 1, 2: 2}  # of what is known: not asked a third time


def test_zookeeper_that_breaks_off_just_then_leaves_the_controller_of_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection looked whole and broke while it was asked: the brokers are asked all the same."""
    state = SimpleNamespace(leader=1)
    monkeypatch.setattr(KafkaReader, "_zookeeper_is_near", lambda _: True)
    monkeypatch.setattr(KafkaReader, "_ask_broker", lambda *_: ClusterMetadata(frozenset({1}), 1, {"alerts-0": state}))

    def breaks_off(_: KafkaReader, method: str, path: str) -> Any:
        raise ToolFailed(f"ZooKeeper did not answer for {path} ({method})")

    monkeypatch.setattr(KafkaReader, "_ask_zookeeper", breaks_off)
    found = KafkaReader(KafkaAddresses(on_loopback({1: 9092}), {}))
    assert found.partition_states() == {"alerts-0": state}
