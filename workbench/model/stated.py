"""Parameters that are stated: by the manifests, by the scenario, and as facts about who does what in the hub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from workbench.errors import BadInput, Problem
from workbench.fault import CUTS, KAFKA_PARTS, NODE_PARTS, SILENCES, Part, RestartRule, StoredData
from workbench.metrics.catalogue import POLL_S, PROCESSORS_POLL_S
from workbench.model.parameter import Parameter, Source, uniform
from workbench.model.session import ping_interval_s
from workbench.units import seconds_from_ms
from workbench.workload import BURST_S

if TYPE_CHECKING:  # a prediction's subprocesses import this module: they need neither YAML nor pydantic
    from workbench.records.baseline import Baseline
    from workbench.scenario.drill_scenario import Scenario
    from workbench.target.port import Victim
    from workbench.topology.hub import HubTopology

REPLICA_FETCH_BACKOFF_MS: Final = "1000"  # Kafka 3.7.1 KafkaConfig
REPLICA_FETCH_WAIT_MS: Final = "500"  # KafkaConfig replica.fetch.wait.max.ms
OFFSETS_PARTITIONS: Final = "50"  # KafkaConfig offsets.topic.num.partitions
SESSION_TICKS_MIN: Final = 2  # ZooKeeper 3.8.4 ZooKeeperServer.setMinSessionTimeout
SESSION_TICKS_MAX: Final = 20  # setMaxSessionTimeout
ZOOKEEPER_WAITS: Final = 6  # drawn sleeps of a client; a longer search takes them in turn again
PREDICT_AND_STEADY_S: Final = 60.0  # of the run-up besides burst, baseline and the drawn moment
HANDOVER: Final = "nine clients in three drills: first answer 0.3 to 1.8 s after others led (measured), mean 1.0 s"
COMES_BACK: Final = (Part.POSTGRES, Part.REDIS, Part.ZOOKEEPER, Part.CONTROLLER)  # or the model does not cover it


def from_manifests(topology: HubTopology) -> dict[str, Parameter]:
    """Return what the rendered manifests state."""

    def row(value: object, unit: str, origin: str, note: str = "") -> Parameter:
        return Parameter(value, unit, Source.MANIFEST, origin, note)

    def kafka_row(key: str, default_ms: str) -> Parameter:
        stated_ms = float(topology.kafka.config.get(key, default_ms))
        return row(seconds_from_ms(stated_ms), "s", f"spec.kafka.config {key}, else Kafka 3.7.1's default")

    topics = topology.topics
    return {
        "brokers": row(list(topology.kafka.broker_ids), "", "Kafka spec.kafka.replicas"),
        **_metadata_keepers(topology),
        "replica_lag_time_max_s": row(
            topology.kafka.replica_lag_time_max_s, "s", "spec.kafka.config replica.lag.time.max.ms"
        ),
        "replica_fetch_backoff_s": kafka_row("replica.fetch.backoff.ms", REPLICA_FETCH_BACKOFF_MS),
        "replica_fetch_wait_s": kafka_row("replica.fetch.wait.max.ms", REPLICA_FETCH_WAIT_MS),
        "partitions": row({topic.name: topic.partitions for topic in topics}, "", "KafkaTopic spec.partitions"),
        "replication_factor": row(
            {topic.name: topic.replication_factor for topic in topics}, "", "KafkaTopic spec.replicas"
        ),
        "offsets_topic_partitions": row(
            int(topology.kafka.config.get("offsets.topic.num.partitions", OFFSETS_PARTITIONS)),
            "partitions",
            "spec.kafka.config offsets.topic.num.partitions, else Kafka 3.7.1's default",
        ),
        "min_insync_replicas": row(
            {topic.name: topic.min_insync_replicas for topic in topics}, "", "KafkaTopic spec.config"
        ),
        "processors": row(topology.processors.replicas, "", "Deployment spec.replicas of the event processor"),
        "group_session_s": row(
            topology.processors.group_session_timeout_s,
            "s",
            "environment GROUP_SESSION_TIMEOUT_S of the event processor",
        ),
        "batch_events_max": row(topology.processors.batch_events_max, "events", "environment BATCH_EVENTS_MAX"),
        "batch_linger_s": row(topology.processors.batch_linger_s, "s", "environment BATCH_LINGER_S"),
    }


def _metadata_keepers(topology: HubTopology) -> dict[str, Parameter]:
    """Return ZooKeeper's numbers, or in KRaft mode the controllers'."""
    quorum, manifest = topology.kafka.quorum, Source.MANIFEST
    if quorum is not None:
        strimzi = "which Strimzi 0.42 does not let manifests state"
        heartbeat = f"Kafka 3.7.1's default of broker.heartbeat.interval.ms, {strimzi}"
        session = f"Kafka 3.7.1's default of broker.session.timeout.ms, {strimzi}"
        return {
            "controllers": Parameter(list(quorum.node_ids), "", manifest, "KafkaNodePool spec.replicas"),
            "broker_session_timeout_s": Parameter(quorum.broker_session_timeout_s, "s", manifest, session),
            "broker_heartbeat_interval_s": Parameter(quorum.broker_heartbeat_interval_s, "s", manifest, heartbeat),
        }
    return {
        "zookeeper_servers": Parameter(
            len(topology.zookeeper.server_ids), "", manifest, "Kafka spec.zookeeper.replicas"
        ),
        "zookeeper_session_timeout_s": Parameter(
            topology.kafka.zookeeper_session_timeout_s,
            "s",
            manifest,
            "spec.kafka.config zookeeper.session.timeout.ms",
        ),
        "zookeeper_tick_s": Parameter(topology.zookeeper.tick_time_s, "s", manifest, "spec.zookeeper.config tickTime"),
    }


def from_scenario(scenario: Scenario) -> dict[str, Parameter]:
    """Return what the scenario states. Raises BadInput for what the model does not cover."""
    if len(scenario.faults) != 1:
        problem = Problem(str(scenario.path), "faults", f"{len(scenario.faults)} faults", "exactly one")
        raise BadInput("the model covers drills with one fault", [problem])
    fault = scenario.faults[0]
    if fault.type in (*SILENCES, *CUTS) and scenario.workload.acks != "all":
        problem = Problem(str(scenario.path), "load.acks", scenario.workload.acks, "all, where a broker goes silent")
        raise BadInput("the model does not cover what a silent leader acknowledges by itself", [problem])
    if fault.part in COMES_BACK and scenario.restart is RestartRule.NONE:
        problem = Problem(str(scenario.path), "restart", "none", f"kubelet-rules: the {fault.part} has to come back")
        raise BadInput(f"the model does not cover a {fault.part} that stays away", [problem])
    origin = scenario.path.name
    run_up_s = BURST_S + scenario.baseline_s + PREDICT_AND_STEADY_S

    def row(value: object, unit: str, key: str, note: str = "") -> Parameter:
        return Parameter(value, unit, Source.SCENARIO, f"{origin} {key}", note)

    empty = row(uniform(0.0, 0.0), "bytes", "faults[0].data", "lost: it starts with an empty file")
    burst = {
        "burst_factor": row(fault.factor, "", "faults[0].factor", "times the load's usual rate"),
        "burst_s": row(fault.for_s, "s", "faults[0].for_s"),
    }
    burst = burst if fault.part is Part.LOAD else {}
    away = {"quorum_away_s": row(fault.for_s, "s", "faults[0].for_s", "after the broker's kill")}
    freeze_s = fault.for_s if fault.type in SILENCES else 0.0
    return {
        **burst,
        **(away if fault.part is Part.QUORUM else {}),
        **({} if fault.data is StoredData.KEPT else {"redis_file_bytes": empty}),  # in place of the prior
        "fault_type": row(fault.type.value, "", "faults[0].type"),
        "freeze_s": row(freeze_s, "s", "faults[0].for_s", "0: it is no silence"),
        "lag_s": row(fault.lag_s, "s", "faults[0].lag_s", "0: nobody is held back before it"),
        "restart_rule": row(scenario.restart.value, "", "restart"),
        "acks": row(scenario.workload.acks, "", "load.acks"),
        "event_bytes": row(scenario.workload.event_bytes, "bytes", "load.event_bytes"),
        "baseline_s": row(scenario.baseline_s, "s", "baseline_s"),
        "recovery_timeout_s": row(scenario.recovery_timeout_s, "s", "recovery_timeout_s"),
        "fault_after_load_start_s": row(
            uniform(run_up_s, run_up_s + scenario.fault_window_s),
            "s",
            "fault_window_s",
            "places the fault on a rate that changes; burst, baseline, seal and steady stretch come first",
        ),
    }


def facts(
    scenario: Scenario, topology: HubTopology, baseline: Baseline | None, victim: Victim | None
) -> dict[str, Parameter]:
    """Return who leads, controls and serves whom; where no hub is up, what Kafka's even spread gives."""
    broker, leaders = _victim_broker(scenario, topology, victim), _leaders(topology, baseline)
    if baseline is None:
        source, origin = Source.PRIOR, "leaders spread evenly, Kafka AdminUtils"
        processors = {label: index % topology.processors.replicas for index, label in enumerate(leaders)}
    else:
        source, origin = Source.BASELINE, "the hub's metadata, read before the seal"
        processors = {label: baseline.partitions_of_processor.get(label, -1) for label in leaders}
    role = scenario.faults[0].victim.role
    controls = victim.is_controller if victim is not None else role == "controller"
    if role == "leads-nothing" and victim is None:
        others = [each for each in topology.kafka.broker_ids if each != broker]
        leaders = {label: others[index % len(others)] for index, label in enumerate(leaders)}
    return {
        "victim_broker": Parameter(broker, "", source, origin, "-1: it is no broker"),
        "victim_processor": Parameter(
            _victim_processor(scenario, topology, victim), "", source, origin, "-1: it is none"
        ),
        "victim_is_controller": Parameter(controls, "", source, origin),
        "victim_coordinates": Parameter(
            baseline is not None and broker >= 0 and baseline.group_coordinator == broker, "", source, origin
        ),
        "victim_session_on_zookeeper_leader": Parameter(
            on_leader(baseline, broker), "", source, origin, "null: not known, drawn"
        ),
        **_zookeeper_facts(scenario, topology, baseline, victim),
        "leader_of_partition": Parameter(leaders, "", source, origin),
        "processor_of_partition": Parameter(
            processors, "", source, origin, "-1: nobody's, its records are never committed"
        ),
    }


def _zookeeper_facts(
    scenario: Scenario, topology: HubTopology, baseline: Baseline | None, victim: Victim | None
) -> dict[str, Parameter]:
    """Return which ZooKeeper server dies, whether it leads, and which server holds each broker's session."""
    servers, brokers = topology.zookeeper.server_ids, topology.kafka.broker_ids
    part, leads = scenario.faults[0].part, scenario.faults[0].victim.role == "zookeeper-leader"
    if victim is not None:
        dies, leads = victim.zookeeper, victim.leads_zookeeper
    else:
        dies = servers[0] if part is Part.ZOOKEEPER else _on_node(scenario, topology, "zookeeper-")
    if baseline is None:
        source, origin = Source.PRIOR, "sessions spread evenly"
        held = {str(broker): servers[index % len(servers)] for index, broker in enumerate(brokers) if servers}
    else:
        source, origin = Source.BASELINE, "the servers' own words, asked before the seal"
        held = dict(baseline.zookeeper_of_broker)
    return {
        "victim_zookeeper": Parameter(-1 if dies is None else dies, "", source, origin, "-1: it is none"),
        "victim_leads_zookeeper": Parameter(leads, "", source, origin),
        "zookeeper_of_broker": Parameter(held, "", source, origin, "which ZooKeeper server holds its session"),
    }


def _victim_processor(scenario: Scenario, topology: HubTopology, victim: Victim | None) -> int:
    named = scenario.faults[0].victim.processor if victim is None else victim.processor
    if scenario.faults[0].part in NODE_PARTS and victim is None:
        named = _on_node(scenario, topology, f"{topology.processors.name}-")
    return -1 if named is None else named


def _victim_broker(scenario: Scenario, topology: HubTopology, victim: Victim | None) -> int:
    if scenario.faults[0].part not in (*KAFKA_PARTS, *NODE_PARTS):
        return -1
    if victim is not None and victim.broker is not None:
        return victim.broker
    named = next(iter(scenario.faults[0].victim.brokers), scenario.faults[0].victim.broker)
    if scenario.faults[0].part in NODE_PARTS:
        named = _on_node(scenario, topology, "kafka-")
    return int(topology.kafka.broker_ids[0]) if named is None else named


def _on_node(scenario: Scenario, topology: HubTopology, kind: str) -> int | None:
    """Return the number of the server of a kind that the victim's node has."""
    node = scenario.faults[0].victim.node
    there = (name for name, at in topology.placement.items() if at == node and name.startswith(kind))
    return next((int(name.removeprefix(kind)) for name in there), None)


def _leaders(topology: HubTopology, baseline: Baseline | None) -> dict[str, int]:
    brokers = topology.kafka.broker_ids
    spread = {label: int(brokers[index % len(brokers)]) for index, label in enumerate(topology.partition_labels)}
    if baseline is None:
        return spread
    return {label: int(baseline.leaders.get(label, -1)) for label in spread}


def on_leader(baseline: Baseline | None, broker: int) -> bool | None:
    """Tell whether a broker's session is on ZooKeeper's leader; None where that is not known."""
    if baseline is None or baseline.zookeeper_leader < 0:
        return None
    server = baseline.zookeeper_of_broker.get(str(broker), -1)
    return None if server < 0 else server == baseline.zookeeper_leader


def session(rows: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Return the victim's ZooKeeper session: its negotiated time-out and the phases that decide its expiry.

    The client pings when it has sent nothing for readTimeout/2, where readTimeout is 2/3 of the session's
    time-out: its loop sleeps until then, so the rule that a client idle for over 1 s pings 1 s earlier has an
    effect only if something else wakes it. 10 s is the longest interval (MAX_SEND_PING_INTERVAL).
    """
    tick_s = float(rows["zookeeper_tick_s"].value)
    asked_s = float(rows["zookeeper_session_timeout_s"].value)
    granted_s = min(max(asked_s, SESSION_TICKS_MIN * tick_s), SESSION_TICKS_MAX * tick_s)
    ping_s = ping_interval_s(granted_s)
    zookeeper = "ZooKeeper 3.8.4"
    return {
        "zookeeper_session_s": Parameter(
            granted_s, "s", Source.MANIFEST, f"{zookeeper} ZooKeeperServer: 2 to 20 ticks", "negotiated"
        ),
        "zookeeper_ping_age_s": Parameter(
            uniform(0.0, ping_s),
            "s",
            Source.MANIFEST,
            f"{zookeeper} ClientCnxn.SendThread.run: a ping every {ping_s:g} s",
            "age of the victim's last ping when it dies",
        ),
        "zookeeper_forward_s": Parameter(
            uniform(0.0, tick_s / 2.0),
            "s",
            Source.MANIFEST,
            f"{zookeeper} Leader.lead: followers report their sessions every half tick (LearnerSessionTracker)",
            "none when the session is on ZooKeeper's leader",
        ),
        "zookeeper_tick_phase_s": Parameter(
            uniform(0.0, tick_s),
            "s",
            Source.MANIFEST,
            f"{zookeeper} ExpiryQueue.roundToNextInterval",
            "time from the fault to the next tick",
        ),
        "zookeeper_server_share": Parameter(
            uniform(0.0, 1.0), "", Source.MANIFEST, "any server", "which server, where the session's is not known"
        ),
    }


def heartbeats(rows: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Return how old the victim's last heartbeat is in KRaft mode; each is sent an interval after the last's answer."""
    interval_s = float(rows["broker_heartbeat_interval_s"].value)
    return {
        "heartbeat_age_s": Parameter(
            uniform(0.0, interval_s),
            "s",
            Source.MANIFEST,
            f"Kafka 3.7.1 BrokerLifecycleManager: a heartbeat every {interval_s:g} s",
            "age of the victim's last heartbeat when it dies",
        )
    }


def polls() -> dict[str, Parameter]:
    """Return the phases of the brokers' own checks and of the observers, the same in both modes."""
    return {
        "isr_check_phase": Parameter(
            uniform(0.0, 1.0),
            "",
            Source.MANIFEST,
            "Kafka 3.7.1 ReplicaManager isr-expiration, every half replica.lag.time.max.ms",
            "of the leaders' own check for followers that lag",
        ),
        "epoch_last_share": Parameter(
            uniform(0.0, 1.0),
            "",
            Source.MANIFEST,
            "any survivor",
            "which surviving broker is the last to handle the controller's change",
        ),
        "epoch_overlap_share": Parameter(
            uniform(0.0, 1.0), "", Source.MANIFEST, "drawn", "compared with epoch_overlap_chance"
        ),
        "poll_brokers_phase_s": Parameter(
            uniform(0.0, POLL_S), "s", Source.MANIFEST, "workbench.metrics.catalogue POLL_S", "of the observers"
        ),
        "poll_partitions_phase_s": Parameter(
            uniform(0.0, POLL_S), "s", Source.MANIFEST, "workbench.metrics.catalogue POLL_S", "of the observers"
        ),
    }


def producers(load_workers: int) -> list[str]:
    """Return the names of the load's Kafka clients by source: the canary, then the workers."""
    return ["canary", *(f"load_{index}" for index in range(1, load_workers + 1))]


def consumers(processors: int) -> list[str]:
    """Return the names of the processors' Kafka clients."""
    return [f"processor_{index}" for index in range(processors)]


def processor_phases(rows: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Return the phases that matter when processors stop: each one's heartbeat, its batch, and the observers' polls."""
    each = range(int(rows["processors"].value))
    phase, drawn = uniform(0.0, 1.0), "any phase"
    heartbeats = "librdkafka rd_kafka_cgrp_heartbeat, every heartbeat.interval.ms"
    return {
        "fetch_ring_share": Parameter(phase, "", Source.PRIOR, drawn, "how far the brokers' rings of partitions are"),
        **{f"heartbeat_phase_{index}": Parameter(phase, "", Source.PRIOR, heartbeats, drawn) for index in each},
        **{
            f"first_failure_share_{index}": Parameter(phase, "", Source.PRIOR, drawn, "of BATCH_LINGER_S")
            for index in each
        },
        "poll_processors_phase_s": Parameter(
            uniform(0.0, PROCESSORS_POLL_S),
            "s",
            Source.MANIFEST,
            "workbench.metrics.catalogue PROCESSORS_POLL_S",
            "of the observers",
        ),
        "poll_stores_phase_s": Parameter(
            uniform(0.0, POLL_S), "s", Source.MANIFEST, "workbench.metrics.catalogue POLL_S", "of the observers"
        ),
    }


def zookeeper_phases(rows: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Return what decides how each broker finds another ZooKeeper server: its order of them, and its sleeps."""
    client = "ZooKeeper 3.8.4 ClientCnxn.SendThread.startConnect"
    order = "ZooKeeper 3.8.4 StaticHostProvider: a list in random order"
    drawn: dict[str, Parameter] = {}
    for broker in rows["brokers"].value:
        drawn[f"zookeeper_order_{broker}"] = Parameter(
            uniform(0.0, 1.0), "", Source.PRIOR, order, "below a half: by ascending id after its own"
        )
        for turn in range(ZOOKEEPER_WAITS):
            drawn[f"zookeeper_wait_{broker}_{turn}"] = Parameter(
                uniform(0.0, 1.0), "s", Source.PRIOR, client, "asleep before an attempt to connect again"
            )
    return drawn


def client_phases(rows: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Return the phase of each client's one-second timer, and where clients.py says so what it needs beyond it."""
    names = producers(int(rows["load_workers"].value)) + consumers(int(rows["processors"].value))
    origin = rows["client_scan_s"].origin
    found = {
        f"client_phase_{name}": Parameter(uniform(0.0, 1.0), "", Source.PRIOR, origin, "of this client's timer")
        for name in names
    }
    if rows["acks"].value != "all" and "zookeeper_tick_s" in rows:
        for name in names:
            found[f"client_handover_{name}"] = Parameter(
                uniform(0.25, 0.9), "s", Source.PRIOR, HANDOVER, "beyond its timer's next tick"
            )
    return found
