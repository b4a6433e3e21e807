"""What is measured: each quantity once, with the model's parameter that it feeds, if any."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Mode(StrEnum):
    """Who keeps Kafka's metadata, by the topology's words (KafkaCluster.mode)."""

    ZOOKEEPER = "zookeeper"
    KRAFT = "kraft"


@dataclass(frozen=True)
class Quantity:
    """One quantity. `parameter` is its name in the models, "" for information; `mode`: where alone there is such."""

    name: str
    title: str
    unit: str
    how: str
    parameter: str = ""
    mode: Mode | None = None


def _feeds(parameter: str, title: str, unit: str, how: str, mode: Mode | None = None) -> Quantity:
    return Quantity(parameter, title, unit, how, parameter, mode)


CLIENTS: Final = (1, 2, 4, 8)  # concurrent connections that commit

QUANTITIES: Final = (
    _feeds("broker_start_s", "broker: start to registered", "s", "each broker at the hub's start, alone"),
    _feeds(
        "broker_start_cpu_s", "broker: computing of a start", "s", "each broker at the hub's start, user and system"
    ),
    _feeds("broker_ready_s", "broker: registered to answering", "s", "each broker at the hub's start"),
    _feeds(
        "log_load_partition_s", "broker: one clean log loaded", "s", "its own log after a stop: logs and their time"
    ),
    _feeds("stop_moves_leaders_s", "broker stop: leaders move", "s", "SIGTERM until it leads nothing", Mode.ZOOKEEPER),
    _feeds(
        "stop_deregisters_s", "broker stop: until deregistered", "s", "from there until its id is gone", Mode.ZOOKEEPER
    ),
    _feeds(
        "node_exists_exit_s",
        "broker: refused until it exits",
        "s",
        "killed and started at once; its own log",
        Mode.ZOOKEEPER,
    ),
    _feeds(
        "fence_commit_s",
        "broker: session over until all know",
        "s",
        "killed: from the controller's own word until clients are not told of it any more",
        Mode.KRAFT,
    ),
    _feeds(
        "registration_share",
        "broker: of its start, until it asks to be registered",
        "",
        "killed and started at once: its own log, from its process to its first refusal; the rest from its "
        "registration until it answers",
        Mode.KRAFT,
    ),
    _feeds("isr_rejoin_s", "broker: ready to full sets", "s", "stopped and started, nothing missed"),
    _feeds(
        "catch_up_bytes_per_s",
        "broker: catch-up rate",
        "bytes/s",
        "256 MB written while it was stopped",
        Mode.ZOOKEEPER,
    ),
    _feeds("zookeeper_election_s", "ZooKeeper: election", "s", "leader killed until both others serve", Mode.ZOOKEEPER),
    _feeds(
        "zookeeper_start_s", "ZooKeeper: start to serving", "s", "the killed one, from its new process", Mode.ZOOKEEPER
    ),
    _feeds("postgres_start_s", "Postgres: start after a kill", "s", "killed right after a clean start: no log to read"),
    _feeds(
        "postgres_redo_bytes_per_s", "Postgres: crash recovery", "bytes/s", "its own log after 200,000 rows and a kill"
    ),
    _feeds("redis_start_s", "Redis: start after a kill", "s", "process to answer, less the loading it logs"),
    _feeds(
        "redis_load_bytes_per_s",
        "Redis: loading its file",
        "bytes/s",
        "its own log; the file of the processors' bursts",
    ),
    Quantity("produce_acks_all_s", "produce, acks=all", "s", "one 400-byte record after another, no linger"),
    Quantity(
        "produce_acks_1_s", "produce, acks=1 (append)", "s", "as above: the leader's append and the way there and back"
    ),
    Quantity("fdatasync_s", "fdatasync of the data disk", "s", "4 KiB appended, then fdatasync"),
    *(
        Quantity(f"commit_{count}_s", f"Postgres commit, {count} at a time", "s", "one 400-byte row a transaction")
        for count in CLIENTS
    ),
    Quantity("pgcrypto_row_s", "pgcrypto, one row", "s", "one statement of 500 rows with it less one without"),
    Quantity("processor_event_s", "event processor, one event", "s", "bursts: time of whole batches over their events"),
)
BY_NAME: Final = {each.name: each for each in QUANTITIES}


def quantities_of(mode: Mode) -> tuple[Quantity, ...]:
    """Return what is measured of a hub whose Kafka is in this mode."""
    return tuple(each for each in QUANTITIES if each.mode in (None, mode))
