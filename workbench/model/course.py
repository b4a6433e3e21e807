"""One replication's control events: which model plays which part's loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from workbench.fault import Part
from workbench.model import (
    broker_links,
    broker_loss,
    consumer_group,
    controller_loss,
    load_burst,
    node,
    node_dark,
    node_freeze,
    postgres,
    postgres_backend,
    postgres_failover,
    quorum_loss,
    redis,
    two_brokers,
    zookeeper,
)
from workbench.model.outcome import Course
from workbench.model.world import Setting

_PLAYS: Final[Mapping[Part, Callable[[Setting, Mapping[str, float]], Course]]] = {
    Part.BROKER: broker_loss.play,
    Part.BROKER_LINKS: broker_links.play,
    Part.PROCESSOR: consumer_group.play,
    Part.POSTGRES: postgres.play,
    Part.POSTGRES_FAILOVER: postgres_failover.play,
    Part.POSTGRES_BACKEND: postgres_backend.play,
    Part.REDIS: redis.play,
    Part.ZOOKEEPER: zookeeper.play,
    Part.CONTROLLER: controller_loss.play,
    Part.NODE: node.play,
    Part.FROZEN_NODE: node_freeze.play,
    Part.DARK_NODE: node_dark.play,
    Part.BROKERS: two_brokers.play,
    Part.QUORUM: quorum_loss.play,
    Part.LOAD: load_burst.play,
}


def play(setting: Setting, draws: Mapping[str, float]) -> Course:
    """Return one replication's course."""
    return _PLAYS[setting.part](setting, draws)


__all__ = ["Course", "play"]
