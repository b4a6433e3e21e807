"""The catalogue: one row a metric, with its name, unit, definition and the one function that computes it.

The model's replications and the observation of a drill go through the same rows, so a drifting
definition cannot pass for an error of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from workbench.metrics import functions, phases, reading
from workbench.metrics.belonging import PART_METRICS
from workbench.metrics.tables import Evidence


@dataclass(frozen=True)
class Metric:
    """One row. `resolution` is the finest difference the observation can tell, in the metric's unit."""

    name: str
    title: str  # words for a page, without the unit
    unit: str  # "s", "events", "partitions", "event-s", "records", "reads", "%"
    path: str  # kafka, pipeline, postgres, redis, zookeeper, gateway
    kind: str  # "metric" or "phase"
    resolution: float
    more_is_worse: bool
    compute: Callable[[Evidence], float]

    @property
    def definition(self) -> str:
        """Return what starts and stops the clock (the function's own words)."""
        return " ".join((self.compute.__doc__ or "").split())


def _sojourns() -> list[Metric]:
    """Acknowledgement and commit time percentiles, steady, during and after."""
    words = {"ack": ("acknowledgement time", "kafka"), "commit": ("time to committed row", "pipeline")}
    rows = []
    for column, (title, path) in words.items():
        for window in ("steady", "during", "after"):
            for percent in (50.0, 95.0, 99.0):
                name = f"{column}_{window}_s_p{percent:.0f}"
                compute = functions.sojourn_metric(column, window, percent)
                words_title = f"{title}, {window}, p{percent:.0f}"
                rows.append(Metric(name, words_title, "s", path, "metric", 0.001, True, compute))
    return rows


def _reads() -> list[Metric]:
    """What readers at the gateway saw of a loss."""
    rows = [
        Metric(name, title, unit, "gateway", "metric", 0.0, worse, compute)
        for name, title, unit, worse, compute in (
            ("cache_hits_steady_percent", "hits, steady", "%", False, reading.cache_hits_steady_percent),
            ("cache_hits_during_percent", "hits until they are back", "%", False, reading.cache_hits_during_percent),
            ("cache_refilled_s", "hits back at 90 % of steady", "s", True, reading.cache_refilled_s),
            ("states_from_postgres", "reads that Postgres answered", "reads", True, reading.states_from_postgres),
            (
                "states_from_postgres_max",
                "reads that Postgres answered, most in a second",
                "reads",
                True,
                reading.states_from_postgres_max,
            ),
            ("reads_failed", "reads refused or not answered", "reads", True, reading.reads_failed),
        )
    ]
    for window in ("steady", "during"):
        for percent in (50.0, 95.0, 99.0):
            compute, words = reading.read_metric(window, percent), f"read time, {window}, p{percent:.0f}"
            rows.append(
                Metric(f"read_{window}_s_p{percent:.0f}", words, "s", "gateway", "metric", 0.001, True, compute)
            )
    return rows


POLL_S: Final = 0.1  # how often the observers look at ZooKeeper, the metadata, Postgres and Redis
PROCESSORS_POLL_S: Final = 0.25  # how often they read the event processors' own metrics
PROCESSORS_TIMEOUT_S: Final = 1.0  # and for how long they wait for one that does not answer

CATALOGUE: Final[tuple[Metric, ...]] = (
    Metric(
        "kafka_unavailable_s",
        "no acknowledgement, worst partition",
        "s",
        "kafka",
        "metric",
        0.25,
        True,
        functions.kafka_unavailable_s,
    ),
    Metric(
        "kafka_unavailable_s_least",
        "no acknowledgement, least hit partition",
        "s",
        "kafka",
        "metric",
        0.25,
        True,
        functions.kafka_unavailable_s_least,
    ),
    Metric(
        "kafka_partitions_hit",
        "partitions silent for over 1 s",
        "partitions",
        "kafka",
        "metric",
        0.0,
        True,
        functions.kafka_partitions_hit,
    ),
    Metric(
        "pipeline_unavailable_s",
        "no committed row, worst partition",
        "s",
        "pipeline",
        "metric",
        0.25,
        True,
        functions.pipeline_unavailable_s,
    ),
    Metric("events_late", "events late by over 1 s", "events", "kafka", "metric", 0.0, True, functions.events_late),
    Metric(
        "pipeline_backlog_events_max",
        "backlog, highest",
        "events",
        "pipeline",
        "metric",
        1.0,
        True,
        functions.pipeline_backlog_events_max,
    ),
    Metric(
        "pipeline_backlog_event_s",
        "backlog, area",
        "event-s",
        "pipeline",
        "metric",
        1.0,
        True,
        functions.pipeline_backlog_event_s,
    ),
    Metric("pipeline_drain_s", "backlog drain", "s", "pipeline", "phase", 0.05, True, functions.pipeline_drain_s),
    Metric(
        "backlog_gone_s",
        "backlog gone, from the beginning",
        "s",
        "pipeline",
        "metric",
        0.05,
        True,
        functions.backlog_drained_s,
    ),
    Metric(
        "broker_rejoin_s",
        "broker rejoins, from its start",
        "s",
        "kafka",
        "metric",
        POLL_S,
        True,
        phases.broker_rejoin_s,
    ),
    Metric(
        "below_min_isr_s",
        "in-sync replicas enough for writes again",
        "s",
        "kafka",
        "phase",
        POLL_S,
        True,
        phases.below_min_isr_s,
    ),
    Metric("isr_full_s", "full redundancy back", "s", "kafka", "metric", POLL_S, True, phases.isr_full_s),
    Metric(
        "acknowledged_records_lost",
        "acknowledged records lost",
        "records",
        "kafka",
        "metric",
        0.0,
        True,
        functions.acknowledged_records_lost,
    ),
    Metric(
        "records_duplicated",
        "records duplicated",
        "records",
        "kafka",
        "metric",
        0.0,
        True,
        functions.records_duplicated,
    ),
    Metric("broker_detect_s", "detect the dead broker", "s", "kafka", "phase", POLL_S, True, phases.broker_detect_s),
    Metric("leader_election_s", "move the leaders", "s", "kafka", "phase", POLL_S, True, phases.leader_election_s),
    Metric(
        "client_reconnect_s",
        "clients find the new leaders",
        "s",
        "kafka",
        "phase",
        POLL_S,
        True,
        phases.client_reconnect_s,
    ),
    Metric("broker_down_s", "broker registered again", "s", "kafka", "phase", POLL_S, True, phases.broker_down_s),
    Metric(
        "broker_start_s", "broker start to registration", "s", "kafka", "phase", POLL_S, True, phases.broker_start_s
    ),
    Metric("catch_up_s", "registration to full redundancy", "s", "kafka", "phase", POLL_S, True, phases.catch_up_s),
    Metric(
        "group_rebalance_s",
        "every partition has a processor again",
        "s",
        "pipeline",
        "phase",
        PROCESSORS_POLL_S,
        True,
        phases.group_rebalance_s,
    ),
    Metric(
        "processor_resume_s",
        "first rows after the rebalance",
        "s",
        "pipeline",
        "phase",
        PROCESSORS_POLL_S,
        True,
        phases.processor_resume_s,
    ),
    Metric(
        "postgres_down_s",
        "Postgres takes writes again",
        "s",
        "postgres",
        "phase",
        POLL_S,
        True,
        phases.postgres_down_s,
    ),
    Metric(
        "postgres_start_s",
        "Postgres start and recovery",
        "s",
        "postgres",
        "phase",
        POLL_S,
        True,
        phases.postgres_start_s,
    ),
    Metric(
        "postgres_promotion_s",
        "promotion of a standby",
        "s",
        "postgres",
        "phase",
        POLL_S,
        True,
        phases.postgres_promotion_s,
    ),
    Metric(
        "rows_lost",
        "acknowledged rows lost",
        "records",
        "pipeline",
        "metric",
        0.0,
        True,
        functions.rows_lost,
    ),
    Metric(
        "processor_reconnect_s",
        "processors write again",
        "s",
        "pipeline",
        "phase",
        POLL_S,
        True,
        phases.processor_reconnect_s,
    ),
    Metric(
        "standbys_connected_s",
        "standbys connected again",
        "s",
        "postgres",
        "metric",
        POLL_S,
        True,
        phases.standbys_connected_s,
    ),
    Metric("redis_down_s", "Redis answers again", "s", "redis", "phase", POLL_S, True, phases.redis_down_s),
    Metric("redis_start_s", "Redis start and loading", "s", "redis", "phase", POLL_S, True, phases.redis_start_s),
    Metric(
        "redis_caught_up_s",
        "device states current again",
        "s",
        "redis",
        "metric",
        PROCESSORS_POLL_S,
        True,
        phases.redis_caught_up_s,
    ),
    Metric(
        "zookeeper_leader_s",
        "a ZooKeeper server leads",
        "s",
        "zookeeper",
        "phase",
        POLL_S,
        True,
        phases.zookeeper_leader_s,
    ),
    Metric(
        "broker_sessions_s",
        "brokers' sessions connected again",
        "s",
        "zookeeper",
        "metric",
        POLL_S,
        True,
        phases.broker_sessions_s,
    ),
    Metric(
        "zookeeper_whole_s",
        "every ZooKeeper server serves again",
        "s",
        "zookeeper",
        "phase",
        POLL_S,
        True,
        phases.zookeeper_whole_s,
    ),
    Metric(
        "zookeeper_start_s",
        "ZooKeeper server start",
        "s",
        "zookeeper",
        "phase",
        POLL_S,
        True,
        phases.zookeeper_start_s,
    ),
    Metric(
        "controller_active_s",
        "another controller is active",
        "s",
        "kafka",
        "phase",
        POLL_S,
        True,
        phases.controller_active_s,
    ),
    Metric(
        "controllers_whole_s",
        "every controller answers again",
        "s",
        "kafka",
        "phase",
        POLL_S,
        True,
        phases.controllers_whole_s,
    ),
    Metric("controller_start_s", "controller start", "s", "kafka", "phase", POLL_S, True, phases.controller_start_s),
    *_sojourns(),
    *_reads(),
)

# The metrics of a part's loss where somebody reads at the gateway meanwhile.
READER_METRICS: Final[Mapping[str, frozenset[str]]] = {"Redis": frozenset(metric.name for metric in _reads())}

BY_NAME: Final = {metric.name: metric for metric in CATALOGUE}


def metrics_of(part: str, readers: bool = False) -> list[Metric]:
    """Return the rows that the loss of a part has; `readers`: where somebody reads at the gateway."""
    several = (*PART_METRICS.values(), *READER_METRICS.values())
    others = {name for names in several for name in names} - PART_METRICS[part]
    if readers:
        others -= READER_METRICS.get(part, frozenset())
    return [metric for metric in CATALOGUE if metric.name not in others]


def evaluate(evidence: Evidence) -> dict[str, float]:
    """Return every metric of the catalogue for one drill or replication; NaN where there is no value."""
    return {metric.name: metric.compute(evidence) for metric in CATALOGUE}
