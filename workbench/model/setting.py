"""From parameters to the fixed setting of a prediction and to one replication's service times."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.engine import Service
from workbench.fault import FaultType, RestartRule
from workbench.model.batches import batch_time
from workbench.model.client_library import AFTER_ACK
from workbench.model.parameters import Parameters
from workbench.model.stated import consumers, producers
from workbench.model.world import Setting
from workbench.workload import CANARY_WRITES_PER_S, Workload


def setting_of(parameters: Parameters, workload: Workload) -> Setting:
    """Return what stays the same in every replication."""
    partitions: Mapping[str, int] = parameters.value("partitions")
    labels = [f"{topic}-{index}" for topic in sorted(partitions) for index in range(partitions[topic])]
    topics = [topic for topic in sorted(partitions) for _ in range(partitions[topic])]
    leaders = parameters.value("leader_of_partition")
    owners = parameters.value("processor_of_partition")
    per_s = workload.profile.rate_per_s + CANARY_WRITES_PER_S * len(labels)
    two = "second_broker" in parameters.by_name
    bursts = "burst_factor" in parameters.by_name
    away = "quorum_away_s" in parameters.by_name
    kraft = "broker_session_timeout_s" in parameters.by_name
    run_up_s = float(parameters.distribution("fault_after_load_start_s").numbers[0])
    return Setting(
        fault=FaultType(parameters.value("fault_type")),
        freeze_s=parameters.number("freeze_s"),
        cut_s=parameters.number("cut_s") if "cut_s" in parameters.by_name else 0.0,
        quorum_away_s=parameters.number("quorum_away_s") if away else 0.0,
        disk_full_s=parameters.number("disk_full_s") if "disk_full_s" in parameters.by_name else 0.0,
        burst_factor=parameters.number("burst_factor") if bursts else 1.0,
        burst_s=parameters.number("burst_s") if bursts else 0.0,
        lag_s=parameters.number("lag_s"),
        restart=RestartRule(parameters.value("restart_rule")),
        acks=parameters.value("acks"),
        brokers=tuple(parameters.value("brokers")),
        victim=parameters.value("victim_broker"),
        second_victim=parameters.value("second_broker") if two else -1,
        second_is_controller=parameters.value("second_is_controller") if two else False,
        second_on_zookeeper_leader=parameters.value("second_on_zookeeper_leader") if two else None,
        victim_processor=parameters.value("victim_processor"),
        victim_is_controller=parameters.value("victim_is_controller"),
        victim_coordinates=parameters.value("victim_coordinates"),
        session_on_zookeeper_leader=parameters.value("victim_session_on_zookeeper_leader"),
        victim_zookeeper=parameters.value("victim_zookeeper"),
        victim_leads_zookeeper=parameters.value("victim_leads_zookeeper"),
        zookeeper_servers=0 if kraft else parameters.value("zookeeper_servers"),
        zookeeper_of_broker={int(broker): at for broker, at in parameters.value("zookeeper_of_broker").items()},
        kraft=kraft,
        session_s=parameters.number("broker_session_timeout_s" if kraft else "zookeeper_session_s"),
        tick_s=0.0 if kraft else parameters.number("zookeeper_tick_s"),
        replica_lag_time_max_s=parameters.number("replica_lag_time_max_s"),
        leaders=tuple(leaders[label] for label in labels),
        replication_factors=tuple(parameters.value("replication_factor")[topic] for topic in topics),
        min_insync_replicas=tuple(parameters.value("min_insync_replicas")[topic] for topic in topics),
        processors_of_partition=tuple(owners[label] for label in labels),
        offsets_topic_partitions=parameters.value("offsets_topic_partitions"),
        group_session_s=parameters.number("group_session_s"),
        producers=tuple(producers(parameters.value("load_workers"))),
        consumers=tuple(consumers(parameters.value("processors"))),
        typical_response_s=parameters.distribution("response_s").median,
        bytes_per_s=per_s * workload.event_bytes,
        log_bytes_at_fault=per_s * workload.event_bytes * run_up_s,
    )


def saturated_per_s(processors: int, draws: Mapping[str, float]) -> float:
    """Return what all processors together commit (events/s) while every one of them has full batches to write."""
    return processors * draws["batch_events_max"] / full_batch_s(processors, draws)


def full_batch_s(processors: int, draws: Mapping[str, float], noise: float = 1.0) -> float:
    """Return how long one of so many busy processors takes for a full batch (s), its database time `noise` times."""
    time, full = batch_time(draws), draws["batch_events_max"]
    contention = time.contention if processors > 1 else 1.0
    database_s = (time.fixed_s + full * time.event_s) * contention * noise
    return database_s + draws["batch_rest_s"] + full * draws["batch_rest_event_s"]


def slowed(setting: Setting, draws: Mapping[str, float]) -> dict[str, float]:
    """Return the draws with the brokers' own work as slow as the fault makes it."""
    factor = draws["stop_slows"] if setting.fault is FaultType.BROKER_STOP else 1.0
    return {**draws, **{name: factor * draws[name] for name in ("leader_and_isr_s", "request_s")}}


def service_of(setting: Setting, parameters: Parameters, draws: Mapping[str, float]) -> Service:
    """Return how fast this replication's stations serve."""
    time = batch_time(draws)
    by_bytes = int(parameters.number("producer_batch_bytes_max") / parameters.number("event_bytes"))
    return Service(
        linger_s=draws["producer_linger_s"],
        produce_events_max=max(1, min(int(draws["producer_batch_events_max"]), by_bytes)),
        request_s=draws["request_s"],
        request_event_s=draws["request_event_s"],
        replication_lag_s=sum((draws[name] for name in AFTER_ACK[setting.acks]), 0.0),
        fetch_s=draws["fetch_s"],
        batch_events_max=int(draws["batch_events_max"]),
        batch_linger_s=draws["batch_linger_s"],
        batch_fixed_s=time.fixed_s,
        batch_event_s=time.event_s,
        rest_fixed_s=draws["batch_rest_s"],
        rest_event_s=draws["batch_rest_event_s"],
        saturation_factor=time.contention,
        typical_response_s=setting.typical_response_s,
        stamp_lead_s=draws["commit_stamp_lead_s"],
    )
