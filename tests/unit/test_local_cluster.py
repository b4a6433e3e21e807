"""Questions to Kafka that have to be asked twice."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from workbench.errors import ToolFailed
from workbench.target.local import cluster
from workbench.target.local.cluster import Cluster
from workbench.target.local.record import Ports


class AnAdmin:
    """Answers with these codes, one a question, and then with a group of one member."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)

    def describe_consumer_groups(self, groups: list[str], **_: Any) -> dict[str, Any]:
        """Return one future a group."""
        return {group: SimpleNamespace(result=self.result) for group in groups}

    def result(self) -> Any:
        """Raise the next code, or return the group."""
        if self.codes:
            raise KafkaException(KafkaError(self.codes.pop(0)))
        held = SimpleNamespace(topic="alerts", partition=3)
        member = SimpleNamespace(client_id="p-0", assignment=SimpleNamespace(topic_partitions=[held]))
        return SimpleNamespace(members=[member])


def asked(admin: AnAdmin, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Return the members of a group, asked of this admin."""
    monkeypatch.setattr(cluster, "ASK_AGAIN_S", 0.0)
    monkeypatch.setattr(Cluster, "_admin", lambda _: admin)
    return Cluster(Ports({}, {}, {}, {}, {}, 0, {}, {})).members("group")


def test_a_group_that_is_just_handed_over_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker that answers knows that it is no longer, or not yet, the coordinator."""
    moving = AnAdmin(KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS)
    assert asked(moving, monkeypatch) == {"p-0": ["alerts-3"]}


def test_any_other_trouble_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """With Kafka's own words."""
    admin = AnAdmin(KafkaError.GROUP_AUTHORIZATION_FAILED)
    with pytest.raises(ToolFailed, match="group group could not be described"):
        asked(admin, monkeypatch)
    assert admin.codes == []
