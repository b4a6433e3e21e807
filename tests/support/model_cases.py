"""Inputs for the model's tests: a scenario and a topology in code, as the manifests and YAML would give them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from workbench.fault import Fault, FaultType, RestartRule, VictimSelector
from workbench.model.parameter import Distribution
from workbench.model.parameters import Parameters, merge
from workbench.model.setting import setting_of
from workbench.model.world import Setting
from workbench.records.baseline import Baseline, PipelineWindow
from workbench.scenario.drill_scenario import Scenario
from workbench.topology.hub import (
    ControllerQuorum,
    EventProcessors,
    Gateways,
    HubTopology,
    KafkaCluster,
    PostgresCluster,
    RedisServer,
    Resources,
    Topic,
    ZooKeeperEnsemble,
)
from workbench.workload import ProfileKind, RateProfile, Workload

_RESOURCES = Resources(1.0, 1.0, 1e9, 1e9)
MIX = {"alerts": 0.1, "sdc-events": 0.9}


def a_scenario(
    fault: FaultType = FaultType.BROKER_KILL,
    acks: str = "all",
    rate_per_s: float = 60.0,
    restart: RestartRule = RestartRule.KUBELET_RULES,
    recovery_timeout_s: float = 120.0,
) -> Scenario:
    """Return a scenario that breaks broker 1."""
    workload = Workload(RateProfile(ProfileKind.CONSTANT, rate_per_s), "poisson", MIX, 400, 50, acks)
    faults = (Fault(fault, VictimSelector(broker=1)),)
    path = Path("scenarios/case.yaml")
    return Scenario(
        "case",
        "Case",
        path,
        "",
        "",
        Path(),
        workload,
        restart,
        path,
        faults,
        10.0,
        15.0,
        recovery_timeout_s,
        (),
        (),
        {},
    )


def a_topology(session_s: float = 18.0, replication_factor: int = 3, min_insync_replicas: int = 2) -> HubTopology:
    """Return three brokers, two topics of three partitions, two processors."""
    topics = tuple(Topic(name, 3, replication_factor, min_insync_replicas, {}) for name in sorted(MIX))
    return HubTopology(
        namespace="central-hub",
        nodes=("worker-1", "worker-2", "worker-3"),
        kafka=KafkaCluster("hub", "3.7.1", (0, 1, 2), {}, session_s, 30.0, _RESOURCES),
        zookeeper=ZooKeeperEnsemble((1, 2, 3), {}, 2.0, 5, 2, _RESOURCES),
        topics=topics,
        postgres=PostgresCluster("postgres", "14.12", 3, {}, False, _RESOURCES),
        redis=RedisServer("redis", "6.2.14", {}, _RESOURCES),
        processors=EventProcessors("event-processor", 2, "group", 45.0, 500, 0.05, "pgcrypto", {}, _RESOURCES),
        gateways=Gateways("gateway", 1, 43_200.0, 3600.0, 5, 50, 1.0, 1.0, 0.5, {}, _RESOURCES),
        placement={},
        manifests_sha256="",
    )


def a_kraft_topology() -> HubTopology:
    """Return the model tests' hub with controllers in ZooKeeper's place."""
    hub = a_topology()
    quorum = ControllerQuorum((3, 4, 5), 9.0, 2.0, hub.kafka.resources)
    nobody = replace(hub.zookeeper, server_ids=())
    return replace(hub, kafka=replace(hub.kafka, zookeeper_session_timeout_s=0.0, quorum=quorum), zookeeper=nobody)


def a_baseline() -> Baseline:
    """Return what a run-up of two topics with three partitions each may have measured."""
    labels = a_topology().partition_labels
    return Baseline(
        broker_start_to_registered_s={"kafka-0": 3.0, "kafka-1": 4.0, "kafka-2": 3.5},
        broker_start_cpu_s={"kafka-0": 3.6, "kafka-1": 5.0, "kafka-2": 4.0},
        broker_registered_to_ready_s={"kafka-1": 0.5},
        machine_cores=2,
        busy_cores=1.2,
        busy_cores_saturated=1.75,
        server_cores={"kafka-0": 0.2, "kafka-1": 0.3, "kafka-2": 0.2, "postgres-1": 0.2},
        server_cores_saturated={"kafka-0": 0.2, "kafka-1": 0.25, "kafka-2": 0.2, "postgres-1": 0.5},
        ack_s=tuple(np.linspace(0.006, 0.016, 5000).tolist()),
        commit_s=(0.06,) * 5000,
        offered_per_s=84.0,
        canary_per_s=24.0,
        burst=PipelineWindow(0.0, 20.0, 5000.0, 100.0, 2.5, 3.0, 2.0),
        burst_end=PipelineWindow(14.0, 20.0, 1600.0, 30.0, 0.8, 1.0, 2.0),
        burst_ack_s=tuple(np.linspace(0.01, 0.03, 2000).tolist()),
        steady=PipelineWindow(30.0, 60.0, 2500.0, 250.0, 1.25, 1.5, 2.0),
        drain=None,
        controller=2,
        leaders={label: index % 3 for index, label in enumerate(labels)},
        zookeeper_leader=3,
        zookeeper_of_broker={"0": 1, "1": 3, "2": 2},
        group_coordinator=0,
        partitions_of_processor={label: index % 2 for index, label in enumerate(labels)},
    )


def parameters_of(scenario: Scenario | None = None, topology: HubTopology | None = None) -> Parameters:
    """Return the parameters of a case without a hub."""
    return merge(scenario or a_scenario(), topology or a_topology(), None, None)


def with_values(parameters: Parameters, **values: float | bool | Distribution | None) -> Parameters:
    """Return the parameters with other values."""
    rows = dict(parameters.by_name)
    for name, value in values.items():
        rows[name] = replace(rows[name], value=value)
    return Parameters(rows)


def setting_and_draws(parameters: Parameters, scenario: Scenario, index: int = 0) -> tuple[Setting, dict[str, float]]:
    """Return a setting and what replication `index` draws under seed 1, constants included."""
    constants = {
        name: float(row.value) for name, row in parameters.by_name.items() if isinstance(row.value, int | float)
    }
    drawn = {name: float(values[0]) for name, values in parameters.draws(1, [index]).items()}
    return setting_of(parameters, scenario.workload), {**constants, **drawn, "drain_per_silent_s": 0.3}
