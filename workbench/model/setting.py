"""From parameters to the fixed setting of a prediction and to one replication's service times."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.engine import Service
from workbench.fault import FaultType, RestartRule
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
    run_up_s = float(parameters.distribution("fault_after_load_start_s").numbers[0])
    return Setting(
        fault=FaultType(parameters.value("fault_type")),
        restart=RestartRule(parameters.value("restart_rule")),
        acks=parameters.value("acks"),
        brokers=tuple(parameters.value("brokers")),
        victim=parameters.value("victim_broker"),
        victim_is_controller=parameters.value("victim_is_controller"),
        session_on_zookeeper_leader=parameters.value("victim_session_on_zookeeper_leader"),
        zookeeper_servers=parameters.value("zookeeper_servers"),
        session_s=parameters.number("zookeeper_session_s"),
        tick_s=parameters.number("zookeeper_tick_s"),
        replica_lag_time_max_s=parameters.number("replica_lag_time_max_s"),
        leaders=tuple(leaders[label] for label in labels),
        replication_factors=tuple(parameters.value("replication_factor")[topic] for topic in topics),
        min_insync_replicas=tuple(parameters.value("min_insync_replicas")[topic] for topic in topics),
        processors_of_partition=tuple(owners[label] for label in labels),
        offsets_topic_partitions=parameters.value("offsets_topic_partitions"),
        producers=tuple(producers(parameters.value("load_workers"))),
        consumers=tuple(consumers(parameters.value("processors"))),
        bytes_per_s=per_s * workload.event_bytes,
        log_bytes_at_fault=per_s * workload.event_bytes * run_up_s,
    )


def service_of(setting: Setting, parameters: Parameters, draws: Mapping[str, float]) -> Service:
    """Return how fast this replication's stations serve."""
    by_bytes = int(parameters.number("producer_batch_bytes_max") / parameters.number("event_bytes"))
    return Service(
        linger_s=draws["producer_linger_s"],
        produce_events_max=max(1, min(int(draws["producer_batch_events_max"]), by_bytes)),
        request_s=draws["request_s"],
        request_event_s=draws["request_event_s"],
        replication_lag_s=0.0 if setting.acks == "all" else draws["replication_lag_s"],
        fetch_s=draws["fetch_s"],
        batch_events_max=int(draws["batch_events_max"]),
        batch_linger_s=draws["batch_linger_s"],
        batch_fixed_s=draws["batch_fixed_s"],
        batch_event_s=draws["batch_event_s"],
        rest_fixed_s=draws["batch_rest_s"],
        rest_event_s=draws["batch_rest_event_s"],
        saturation_factor=draws["saturation_factor"],
    )
