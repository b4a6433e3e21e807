"""Which metrics belong to which part's loss, and which phases add up to which metric: names alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

# The metrics that not every part's loss has (workbench.fault.Part, by its value); all others every loss has.
_OF_PART: Final[Mapping[str, frozenset[str]]] = {
    "broker": frozenset(
        {
            "broker_detect_s",
            "leader_election_s",
            "client_reconnect_s",
            "broker_down_s",
            "broker_start_s",
            "catch_up_s",
            "broker_rejoin_s",
            "isr_full_s",
        }
    ),
    "event processor": frozenset({"group_rebalance_s", "processor_resume_s"}),
    "Postgres primary": frozenset(
        {"postgres_down_s", "postgres_start_s", "processor_reconnect_s", "standbys_connected_s"}
    ),
    "Postgres fail-over": frozenset(
        {"postgres_down_s", "postgres_promotion_s", "processor_reconnect_s", "standbys_connected_s", "rows_lost"}
    ),
    "Postgres backend": frozenset({"postgres_down_s", "processor_reconnect_s", "standbys_connected_s", "rows_lost"}),
    "Redis": frozenset({"redis_down_s", "redis_start_s", "redis_caught_up_s"}),
    "ZooKeeper server": frozenset(
        {"zookeeper_leader_s", "broker_sessions_s", "zookeeper_whole_s", "zookeeper_start_s"}
    ),
    "KRaft controller": frozenset({"controller_active_s", "controllers_whole_s", "controller_start_s"}),
}

_NODE: Final = _OF_PART["broker"] | _OF_PART["event processor"] | {"standbys_connected_s", "zookeeper_whole_s"}
PART_METRICS: Final[Mapping[str, frozenset[str]]] = {
    **_OF_PART,
    "broker's links to the others": frozenset({"isr_full_s"}),
    "two brokers": frozenset(
        {"broker_detect_s", "leader_election_s", "broker_down_s", "below_min_isr_s", "catch_up_s", "isr_full_s"}
    ),
    "ZooKeeper quorum and a broker": _OF_PART["broker"] | {"zookeeper_leader_s", "zookeeper_whole_s"},
    "load": frozenset({"backlog_gone_s"}),
    "frozen node": _OF_PART["broker"] - {"broker_start_s", "broker_rejoin_s"}
    | _OF_PART["event processor"]
    | {"zookeeper_whole_s"},
    "node without power": _NODE,
    "node": _NODE | {"controllers_whole_s"},  # in ZooKeeper's place where the mode has it so
}

# The phases that add up to a metric.
PARTS: Final[Mapping[str, Sequence[str]]] = {
    "kafka_unavailable_s": ("broker_detect_s", "leader_election_s", "client_reconnect_s"),
    "pipeline_unavailable_s": (
        "kafka_unavailable_s",
        "group_rebalance_s",
        "processor_resume_s",
        "postgres_down_s",
        "processor_reconnect_s",
    ),
    "postgres_down_s": ("postgres_start_s", "postgres_promotion_s"),
    "redis_down_s": ("redis_start_s",),
    "zookeeper_whole_s": ("zookeeper_start_s",),
    "controllers_whole_s": ("controller_start_s",),
    "broker_rejoin_s": ("broker_start_s", "catch_up_s"),
    "isr_full_s": ("broker_down_s", "catch_up_s"),
    "broker_down_s": ("broker_start_s",),  # the rest of it are the restart rule's waits
}
