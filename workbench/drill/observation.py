"""From what was recorded to observed.json: every metric by the catalogue's own function, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import numpy as np

from workbench.fault import KAFKA_PARTS, Part
from workbench.metrics import functions
from workbench.metrics.catalogue import BY_NAME, evaluate, metrics_of
from workbench.metrics.tables import NAN, Counts, Evidence, FloatArray, Moments, ReadTable, WriteTable, no_reads
from workbench.observe import moments as read_moments
from workbench.observe.moments import Sample, seen
from workbench.records.folder import FORMAT_VERSION
from workbench.records.prediction import Observation
from workbench.target.port import Injection, ProcessStart

CURVES_FROM_S: Final = -30.0
METHODS: Final = {
    "kafka": "write log of devices and canary; registrations and broker metadata polled",
    "pipeline": "write log joined with the commit time of each row in Postgres; the processors' own metrics",
    "postgres": "a connection of its own asks, ten times a second",
    "redis": "a connection of its own asks, ten times a second",
    "zookeeper": "each server is asked by itself, ten times a second",
    "gateway": "the readers' log of every request",
}
UNREACHED: Final = {  # metrics whose clock may still run when watching ends -> the moment that is missing
    "broker_detect_s": "the broker's registration never went away",
    "broker_down_s": "the broker did not register again",
    "broker_rejoin_s": "the broker did not register again or the in-sync replica sets did not fill",
    "isr_full_s": "the in-sync replica sets did not fill",
    "below_min_isr_s": "no broker was in sync with the one that was left",
    "catch_up_s": "the in-sync replica sets did not fill",
    "group_rebalance_s": "some partition had no event processor",
    "postgres_down_s": "Postgres took no writes again",
    "postgres_start_s": "Postgres took no writes again",
    "postgres_promotion_s": "Postgres took no writes again",
    "standbys_connected_s": "the standbys did not connect again",
    "redis_down_s": "Redis did not answer again",
    "redis_start_s": "Redis did not answer again",
    "redis_caught_up_s": "Redis did not get every state again",
    "zookeeper_leader_s": "no ZooKeeper server led",
    "broker_sessions_s": "a broker's session was connected to no ZooKeeper server",
    "zookeeper_whole_s": "a ZooKeeper server did not serve again",
    "zookeeper_start_s": "a ZooKeeper server did not serve again",
    "controller_active_s": "no controller was active",
    "controllers_whole_s": "a controller did not answer again",
    "controller_start_s": "a controller did not answer again",
    "cache_refilled_s": "the hits did not come back",
    "pipeline_drain_s": "the backlog did not drain",
    "backlog_gone_s": "the backlog did not drain",
    "pipeline_backlog_event_s": "the backlog did not drain",
}
SINCE_FAULT: Final = frozenset(
    {
        "backlog_gone_s",
        "broker_detect_s",
        "broker_down_s",
        "isr_full_s",
        "below_min_isr_s",
        "group_rebalance_s",
        "postgres_down_s",
        "standbys_connected_s",
        "redis_down_s",
        "redis_caught_up_s",
        "cache_refilled_s",
        "zookeeper_leader_s",
        "broker_sessions_s",
        "zookeeper_whole_s",
        "controller_active_s",
        "controllers_whole_s",
    }
)


@dataclass(frozen=True)
class Recorded:
    """All that one drill recorded, times in epoch seconds unless said otherwise."""

    writes: WriteTable  # relative to the fault
    counts: Counts
    brokers: Sequence[Sample]
    partitions: Sequence[Sample]
    processors: Sequence[Sample]
    stores: Sequence[Sample]  # none where no store is broken
    keepers: Sequence[Sample]  # in KRaft mode of the controllers; none where none of them is broken
    injection: Injection
    part: Part
    victim_broker: int  # -1: it is none
    victims: tuple[int, ...]  # all brokers that were hit
    starts: Sequence[ProcessStart]
    baseline: tuple[float, float]
    load_end_s: float
    watch_end_s: float
    partition_labels: tuple[str, ...]
    standbys: int  # as the manifests say
    metadata_keepers: int  # as the manifests say, in KRaft mode the controllers
    kraft: bool = False  # who keeps Kafka's metadata are controllers
    fault_ended_s: float = NAN  # of a fault that ends by itself
    failover_steps: Mapping[str, float] = field(default_factory=dict)  # of the stand-in for Kubegres
    reads: ReadTable | None = None  # relative to the fault; None where it is not predicted what they see


def moments_of(recorded: Recorded) -> Moments:
    """Return the recovery's instants relative to the fault."""
    fault_s = recorded.injection.injected_s
    found = {
        Part.BROKER: _broker_moments,
        Part.BROKER_LINKS: _links_moments,
        Part.PROCESSOR: _group_moments,
        Part.POSTGRES: _postgres_moments,
        Part.POSTGRES_FAILOVER: _failover_moments,
        Part.POSTGRES_BACKEND: _postgres_moments,
        Part.REDIS: _redis_moments,
        Part.ZOOKEEPER: _zookeeper_moments,
        Part.CONTROLLER: _controller_moments,
        Part.NODE: _node_moments,
        Part.FROZEN_NODE: _frozen_node_moments,
        Part.DARK_NODE: _dark_node_moments,
        Part.BROKERS: _brokers_moments,
        Part.QUORUM: _quorum_moments,
        Part.LOAD: _load_moments,
    }[recorded.part](recorded, fault_s, recorded.injection.effective_s)
    return Moments(
        baseline_start_s=recorded.baseline[0] - fault_s,
        baseline_end_s=recorded.baseline[1] - fault_s,
        load_end_s=recorded.load_end_s - fault_s,
        fault_effective_s=recorded.injection.effective_s - fault_s,
        **{name: epoch_s - fault_s for name, epoch_s in found.items()},
    )


def _broker_moments(recorded: Recorded, fault_s: float, _dead_s: float) -> dict[str, float]:
    victim = recorded.victim_broker
    gone_s = read_moments.deregistered_s(recorded.brokers, victim, fault_s)
    back_s = read_moments.registered_s(recorded.brokers, victim, gone_s) if math.isfinite(gone_s) else NAN
    full_s = read_moments.isr_full_s(recorded.partitions, back_s) if math.isfinite(back_s) else NAN
    started_s = read_moments.registering_start_s(recorded.starts, fault_s, back_s) if math.isfinite(back_s) else NAN
    return {
        "broker_deregistered_s": gone_s,
        "leaders_moved_s": read_moments.leaders_moved_s(recorded.partitions, victim, fault_s),
        "registering_process_started_s": started_s,
        "broker_registered_s": back_s,
        "isr_full_s": full_s,
    }


def _links_moments(recorded: Recorded, _fault_s: float, _effective_s: float) -> dict[str, float]:
    """Nobody was given up: only the in-sync replica sets tell, from the end of the cut on."""
    ended_s = recorded.fault_ended_s
    return {"isr_full_s": read_moments.isr_full_s(recorded.partitions, ended_s) if math.isfinite(ended_s) else NAN}


def _group_moments(recorded: Recorded, _fault_s: float, dead_s: float) -> dict[str, float]:
    whole_s = read_moments.group_whole_s(recorded.processors, len(recorded.partition_labels), dead_s)
    return {"group_whole_s": whole_s}


def _postgres_moments(recorded: Recorded, _fault_s: float, dead_s: float) -> dict[str, float]:
    started_s = read_moments.started_again_s(recorded.starts, dead_s)
    writes_s = read_moments.postgres_writes_s(recorded.stores, dead_s)
    connected_s = read_moments.standbys_connected_s(recorded.stores, recorded.standbys, writes_s)
    return {"postgres_started_s": started_s, "postgres_writes_s": writes_s, "standbys_connected_s": connected_s}


def _failover_moments(recorded: Recorded, fault_s: float, dead_s: float) -> dict[str, float]:
    """As when it starts again, but the lost primary's own start, as a standby, tells nothing of the writes."""
    moments = _postgres_moments(recorded, fault_s, dead_s)
    del moments["postgres_started_s"]
    return {**moments, "postgres_promotion_asked_s": recorded.failover_steps.get("promotion-asked", NAN)}


def _redis_moments(recorded: Recorded, _fault_s: float, dead_s: float) -> dict[str, float]:
    answers_s = read_moments.redis_answers_s(recorded.stores, dead_s)
    return {
        "redis_started_s": read_moments.started_again_s(recorded.starts, dead_s),
        "redis_answers_s": answers_s,
        "states_current_s": read_moments.states_current_s(recorded.processors, answers_s),
    }


def _zookeeper_moments(recorded: Recorded, _fault_s: float, dead_s: float) -> dict[str, float]:
    leads_s = read_moments.keeper_leads_s(recorded.keepers, dead_s)
    return {
        "zookeeper_leads_s": leads_s,
        "broker_sessions_s": read_moments.broker_sessions_s(recorded.keepers, leads_s),
        "zookeeper_started_s": read_moments.started_again_s(recorded.starts, dead_s),
        "zookeeper_whole_s": read_moments.keepers_whole_s(recorded.keepers, recorded.metadata_keepers, dead_s),
    }


def _controller_moments(recorded: Recorded, _fault_s: float, dead_s: float) -> dict[str, float]:
    return {
        "controller_active_s": read_moments.keeper_leads_s(recorded.keepers, dead_s),
        "controller_started_s": read_moments.started_again_s(recorded.starts, dead_s),
        "controllers_whole_s": read_moments.keepers_whole_s(recorded.keepers, recorded.metadata_keepers, dead_s),
    }


def _node_moments(recorded: Recorded, fault_s: float, dead_s: float) -> dict[str, float]:
    """Of the broker and the group as when they die alone; of the others when they are back."""
    lost_s = read_moments.standbys_lost_s(recorded.stores, recorded.standbys, fault_s)
    keepers = "controllers_whole_s" if recorded.kraft else "zookeeper_whole_s"
    return {
        **_broker_moments(recorded, fault_s, dead_s),
        **_group_moments(recorded, fault_s, dead_s),
        "standbys_connected_s": read_moments.standbys_connected_s(recorded.stores, recorded.standbys, lost_s),
        keepers: read_moments.keepers_whole_s(recorded.keepers, recorded.metadata_keepers, dead_s),
    }


def _frozen_node_moments(recorded: Recorded, fault_s: float, dead_s: float) -> dict[str, float]:
    """Of the broker and the event processor as when they die alone; ZooKeeper's servers are asked when all go on.

    A question that a frozen server had in its socket is answered as it goes on, before it knows that it was given up.
    """
    goes_on_s = recorded.fault_ended_s
    return {
        **_broker_moments(recorded, fault_s, dead_s),
        **_group_moments(recorded, fault_s, dead_s),
        "zookeeper_whole_s": read_moments.keepers_whole_s(recorded.keepers, recorded.metadata_keepers, goes_on_s),
    }


def _dark_node_moments(recorded: Recorded, fault_s: float, dead_s: float) -> dict[str, float]:
    """As of a node whose servers died, but they are back only once it has power."""
    on_s = recorded.fault_ended_s
    return {
        **_node_moments(recorded, fault_s, dead_s),
        "zookeeper_whole_s": read_moments.keepers_whole_s(recorded.keepers, recorded.metadata_keepers, on_s),
    }


def _brokers_moments(recorded: Recorded, fault_s: float, _dead_s: float) -> dict[str, float]:
    """Of all of them: when the last one was gone, moved away from, and back."""
    each = [_broker_moments(replace(recorded, victim_broker=broker), fault_s, fault_s) for broker in recorded.victims]
    names = ("broker_deregistered_s", "leaders_moved_s", "broker_registered_s", "isr_full_s")
    again_s = read_moments.in_sync_again_s(recorded.partitions, fault_s)
    return {**{name: float(np.max([found[name] for found in each])) for name in names}, "in_sync_again_s": again_s}


def _quorum_moments(recorded: Recorded, fault_s: float, dead_s: float) -> dict[str, float]:
    """Of the broker as when it dies alone, and of ZooKeeper when it is back."""
    zookeeper = _zookeeper_moments(recorded, fault_s, dead_s)
    names = ("zookeeper_leads_s", "zookeeper_whole_s")
    return {**_broker_moments(recorded, fault_s, dead_s), **{name: zookeeper[name] for name in names}}


def _load_moments(recorded: Recorded, _fault_s: float, _effective_s: float) -> dict[str, float]:
    return {"burst_ended_s": recorded.fault_ended_s}


def observe(recorded: Recorded) -> tuple[dict[str, Observation], dict[str, Any]]:
    """Return every metric's observation, and the content of observed.json."""
    moments = moments_of(recorded)
    reads = no_reads() if recorded.reads is None else recorded.reads
    evidence = Evidence(recorded.writes, moments, recorded.counts, len(recorded.partition_labels), reads)
    watched_s = recorded.watch_end_s - recorded.injection.injected_s
    values = evaluate(evidence)
    names = [metric.name for metric in metrics_of(recorded.part, recorded.reads is not None)]
    observations = {name: _observation(name, values[name], watched_s) for name in names}
    grid_s = np.arange(CURVES_FROM_S, moments.load_end_s, functions.GRID_STEP_S)
    content = {
        "format": FORMAT_VERSION,
        "metrics": {name: asdict(observation) for name, observation in observations.items()},
        "silent_spans": _spans(functions.spans(evidence, recorded.part not in KAFKA_PARTS), recorded.partition_labels),
        "leaders": _leaders(recorded),
        "moments": {
            **{name: _number(value) for name, value in asdict(moments).items()},
            "all_partitions_acked_s": _number(functions.all_partitions_acked_s(evidence)),
            "backlog_drained_s": _number(functions.backlog_drained_s(evidence)),
        },
        "grid_s": grid_s,
        "curves": {
            "acked_per_s": functions.acked_per_s(evidence, grid_s),
            "ack_s_p99": [_number(value) for value in functions.ack_s_p99_curve(evidence, grid_s)],
            "backlog_events": functions.backlog_at(evidence, grid_s),
            "lag_records": _lag(recorded, grid_s),
        },
        "counts": asdict(recorded.counts),
        "watched_s": watched_s,
    }
    return observations, content


def _observation(name: str, value: float, watched_s: float) -> Observation:
    """Return a metric's value, or why there is none and, where its clock still ran, its lower bound."""
    metric = BY_NAME[name]
    method = METHODS[metric.path]
    if math.isfinite(value):
        return Observation(value, "", method, metric.resolution)
    if name in UNREACHED:
        reason = f"{UNREACHED[name]} within {watched_s:.0f} s"
        at_least = watched_s if name in SINCE_FAULT else None
        return Observation(None, reason, method, metric.resolution, at_least)
    return Observation(None, "nothing to measure in this run", method, metric.resolution)


def _spans(spans: FloatArray, labels: Sequence[str]) -> dict[str, list[float | None]]:
    return {label: [_number(spans[index, 0]), _number(spans[index, 1])] for index, label in enumerate(labels)}


def _leaders(recorded: Recorded) -> dict[str, list[int]]:
    """Old and new leader of every partition: before the fault, and when no partition was without one again."""
    fault_s = recorded.injection.injected_s
    known = [sample for sample in seen(recorded.partitions) if "leaders" in sample]
    before = _latest_leaders([sample for sample in known if sample["t"] < fault_s])
    moved_s = read_moments.leaders_moved_s(recorded.partitions, recorded.victim_broker, fault_s)
    after = _latest_leaders([sample for sample in known if sample["t"] <= moved_s])
    return {label: [before.get(label, -1), after.get(label, -1)] for label in recorded.partition_labels}


def _latest_leaders(samples: Sequence[Sample]) -> Mapping[str, int]:
    return samples[-1]["leaders"] if samples else {}


def _lag(recorded: Recorded, grid_s: np.ndarray[Any, np.dtype[np.float64]]) -> list[float | None]:
    """Consumer lag on the grid: the last sample before each instant, None where the probe was blind for over 1 s."""
    samples = seen(recorded.processors)
    times = np.array([sample["t"] for sample in samples]) - recorded.injection.injected_s
    lags = [sample.get("lag_records") for sample in samples]
    index = np.searchsorted(times, grid_s, side="right") - 1
    return [
        lags[at] if at >= 0 and instant - times[at] <= 1.0 else None
        for at, instant in zip(index.tolist(), grid_s.tolist(), strict=True)
    ]


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
