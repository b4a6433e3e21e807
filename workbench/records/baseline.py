"""Baseline: what this run measured of its own hub before the seal; a source of the model's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from workbench.records.folder import dump_json


@dataclass(frozen=True)
class PipelineWindow:
    """The event processors over one stretch of the run-up (differences of their own counters)."""

    start_s: float  # epoch
    end_s: float
    events: float  # committed
    batches: float  # database transactions
    batch_database_s: float  # time spent in database transactions, summed over processors
    batch_total_s: float  # time of whole batches: database, Redis, offsets; without waiting for records
    busy_processors: float  # how many processors took part


@dataclass(frozen=True)
class Baseline:
    """Measured on this hub, in this run, before the seal. Durations in seconds."""

    broker_start_to_registered_s: Mapping[str, float]  # "kafka-1" -> at hub start
    broker_start_cpu_s: Mapping[str, float]  # computing time until then
    broker_registered_to_ready_s: Mapping[str, float]  # registered -> answers metadata requests
    machine_cores: int
    busy_cores: float  # of them, mean over the baseline; other people's work counts too
    busy_cores_saturated: float  # the same while the processors were saturated: drain, else burst
    server_cores: Mapping[str, float]  # "kafka-1" -> cores it kept busy, mean over the baseline
    server_cores_saturated: Mapping[str, float]  # the same while they were saturated
    ack_s: tuple[float, ...]  # acknowledgement times of the baseline's device events, at most 5,000
    commit_s: tuple[float, ...]  # intended to committed, same events
    offered_per_s: float  # devices and canary, over the baseline
    canary_per_s: float
    burst: PipelineWindow
    burst_end: PipelineWindow  # its last seconds, when everything is compiled
    burst_ack_s: tuple[float, ...]  # acknowledgement times of the device events intended in them, at most 5,000
    steady: PipelineWindow
    drain: PipelineWindow | None  # the burst's backlog being worked off at the usual rate; None if there was none
    controller: int  # broker id
    leaders: Mapping[str, int]  # "topic-partition" -> leader, all topics
    zookeeper_leader: int  # server id, -1 if unknown
    zookeeper_of_broker: Mapping[str, int]  # broker id -> server id its session is connected to, -1 if unknown
    group_coordinator: int  # broker id
    partitions_of_processor: Mapping[str, int]  # "topic-partition" -> processor index (its consumer)
    recovery_reads_bytes: float = 0.0  # of Postgres's log, if it crashed at the baseline's end; 0: not known
    checkpoint_age_s: float = 0.0  # then
    read_hit_s: tuple[float, ...] = ()  # times of the readers' hits in the baseline, at most 5,000; none reads: none
    gateway_busy_s: tuple[float, ...] = ()  # of a hit, and how much more of a read from Postgres; none: cannot be told

    def write(self, path: Path) -> None:
        """Write as JSON."""
        path.write_bytes(dump_json(asdict(self)))
