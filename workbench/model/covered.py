"""What of a scenario the model covers: everything else is refused before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from workbench.errors import BadInput, Problem
from workbench.fault import CUTS, NODE_PARTS, SILENCES, FaultType, Part, RestartRule, mode_contradiction
from workbench.model.client_library import HEARTBEAT_S
from workbench.model.control_plane import kubegres
from workbench.model.parameter import Parameter
from workbench.model.silent_coordinator import TAKEN_OVER_S

if TYPE_CHECKING:  # a prediction's subprocesses import this package: they need neither YAML nor pydantic
    from workbench.scenario.drill_scenario import Scenario
    from workbench.topology.hub import HubTopology

ELECTION_S_MAX: Final = 2.0  # ZooKeeper's, with room
HEARTBEATS_S: Final = 2.0 * HEARTBEAT_S  # one may be lost with the freeze
CUT_S_MAX: Final = 50.0  # librdkafka gives a request up after socket.timeout.ms, 60 s, and some room
EXPIRY_TICKS_MAX: Final = 2  # a follower's report every half tick, expiry at a tick, and some room
WAL_RECEIVER_TIMEOUT_S: Final = 60.0  # PostgreSQL 14 wal_receiver_timeout
GIVEN_UP_S: Final = 64.0  # socket.timeout.ms and wal_sender_timeout are 60 s, each looked at within seconds
PRIMARY: Final = "postgres-1"  # as the supervisor names them
REDIS: Final = "redis-0"


def check_mode(scenario: Scenario, topology: HubTopology) -> None:
    """Raise BadInput for a fault that contradicts who keeps Kafka's metadata."""
    fault = scenario.faults[0]
    if reason := mode_contradiction(fault.type, fault.victim.role, kraft=topology.kafka.quorum is not None):
        raise BadInput(f"{fault.type}: {reason}", [Problem(str(scenario.path), "faults[0]", fault.type, reason)])


def check_freeze(scenario: Scenario, rows: Mapping[str, Parameter]) -> None:
    """Raise BadInput for a freeze that may end before the broker's session does, or while the group's does."""
    fault = scenario.faults[0]
    if fault.type not in SILENCES:
        return
    lapsed_s, session_s = _lapsed_s(rows), float(rows["group_session_s"].value)
    node, coordinates = fault.part in NODE_PARTS, bool(rows["victim_coordinates"].value)
    if node:  # whose ZooKeeper server may be the leader: the session starts afresh then
        lapsed_s += float(rows["zookeeper_sync_limit_s"].value) + ELECTION_S_MAX
    least_s = session_s - HEARTBEATS_S
    taken_over_s = session_s + TAKEN_OVER_S + (lapsed_s if coordinates else HEARTBEATS_S)
    if fault.part is Part.DARK_NODE:
        _check_power(scenario, max(taken_over_s, GIVEN_UP_S))
    if (node or coordinates) and least_s <= fault.for_s < taken_over_s:
        bound = f"below {least_s:g}: the event processors have to keep their places in their group"
        bound += f"; or at least {taken_over_s:g}: by then they have them again"
        problem = Problem(str(scenario.path), "faults[0].for_s", f"{fault.for_s:g}", bound)
        raise BadInput("the model does not cover a freeze that ends while the group's session does", [problem])
    if fault.for_s < lapsed_s:
        bound = f"at least {lapsed_s:g}: by then the broker's session has lapsed"
        problem = Problem(str(scenario.path), "faults[0].for_s", f"{fault.for_s:g}", bound)
        raise BadInput("the model does not cover a freeze that ends before the session does", [problem])


def _check_power(scenario: Scenario, least_s: float) -> None:
    """Raise BadInput for a node that has its power again before everybody has given it up."""
    for_s = scenario.faults[0].for_s
    if for_s >= least_s:
        return
    bound = (
        f"at least {least_s:g}: by then clients, the processors' group and Postgres' primary have given its servers up"
    )
    problem = Problem(str(scenario.path), "faults[0].for_s", f"{for_s:g}", bound)
    raise BadInput("the model does not cover a node whose power is back so soon", [problem])


def _lapsed_s(rows: Mapping[str, Parameter]) -> float:
    """Return by when a silent broker's session has lapsed (s after it went silent)."""
    if "broker_session_timeout_s" in rows:
        return float(rows["broker_session_timeout_s"].value)
    return float(rows["zookeeper_session_s"].value) + EXPIRY_TICKS_MAX * float(rows["zookeeper_tick_s"].value)


def check_cut(scenario: Scenario, topology: HubTopology, rows: Mapping[str, Parameter]) -> None:
    """Raise BadInput for a cut that may end before the session does, or that outlasts the clients' own time-outs."""
    fault, file = scenario.faults[0], str(scenario.path)
    if fault.type not in CUTS:
        return
    problems = []
    if fault.type is FaultType.CUT_FROM_BROKERS:
        if fault.for_s > CUT_S_MAX:
            bound = f"at most {CUT_S_MAX:g}: clients' own time-outs (socket.timeout.ms 60 s) come then"
            problems.append(Problem(file, "faults[0].for_s", f"{fault.for_s:g}", bound))
        if len(topology.kafka.broker_ids) < 2:
            problems.append(Problem(file, "manifests", "one broker", "others, from which it can be cut off"))
    else:
        lapsed_s = _lapsed_s(rows)
        if not lapsed_s <= fault.for_s <= CUT_S_MAX:
            bound = f"from {lapsed_s:g} (by then the broker's ZooKeeper session has lapsed) to {CUT_S_MAX:g}"
            problems.append(Problem(file, "faults[0].for_s", f"{fault.for_s:g}", bound))
        if fault.type is FaultType.CUT_FROM_ALL and rows["victim_coordinates"].value:
            bound = "another broker: this one coordinates the event processors' group"
            problems.append(Problem(file, "faults[0].victim", str(fault.victim), bound))
    if problems:
        raise BadInput("the model does not cover this cut", problems)


def check_lag(scenario: Scenario, rows: Mapping[str, Parameter]) -> None:
    """Raise BadInput where those that are held back lose their sessions, or where nothing can be lost by it."""
    fault = scenario.faults[0]
    if fault.lag_s == 0.0:
        return
    if fault.part is Part.POSTGRES_FAILOVER:
        _check_standbys(scenario, fault.lag_s)
        return
    if "broker_session_timeout_s" in rows:
        quiet_s = float(rows["broker_session_timeout_s"].value) - float(rows["broker_heartbeat_interval_s"].value)
    else:
        quiet_s = 2.0 * float(rows["zookeeper_session_s"].value) / 3.0  # its client drops a server that is so quiet
    problems = []
    if scenario.workload.acks == "all":
        bound = "1 or 0: with all, what the followers do not have is not acknowledged"
        problems.append(Problem(str(scenario.path), "load.acks", scenario.workload.acks, bound))
    if fault.lag_s >= quiet_s:
        bound = f"below {quiet_s:g}: the frozen brokers have to keep their sessions"
        problems.append(Problem(str(scenario.path), "faults[0].lag_s", f"{fault.lag_s:g}", bound))
    if problems:
        raise BadInput("the model does not cover these lagging followers", problems)


def _check_standbys(scenario: Scenario, lag_s: float) -> None:
    """Raise BadInput where a standby that hears nothing would hang up and be served by a new WAL sender."""
    if lag_s < WAL_RECEIVER_TIMEOUT_S:
        return
    bound = f"below {WAL_RECEIVER_TIMEOUT_S:g}: a standby that hears nothing for so long connects anew"
    problem = Problem(str(scenario.path), "faults[0].lag_s", f"{lag_s:g}", bound)
    raise BadInput("the model does not cover standbys that lag for so long", [problem])


def check_node(scenario: Scenario, topology: HubTopology) -> None:
    """Raise BadInput for a node whose loss the model does not cover: it has a broker and at most one of each other."""
    node = scenario.faults[0].victim.node
    if scenario.faults[0].part not in NODE_PARTS:
        return
    names = [name for name, at in topology.placement.items() if at == node]
    processors = [name for name in names if name.startswith(f"{topology.processors.name}-")]
    brokers = [name for name in names if name.startswith("kafka-")]
    if PRIMARY in names or REDIS in names or len(processors) > 1 or not brokers:
        bound = f"a node with a broker, without {PRIMARY} and {REDIS}, and with one event processor at most"
        problem = Problem(str(scenario.path), "faults[0].victim.node", f"{node}: {', '.join(names)}", bound)
        raise BadInput("the model does not cover the loss of this node", [problem])
    if scenario.faults[0].part in (Part.NODE, Part.DARK_NODE) and scenario.restart is RestartRule.NONE:
        problem = Problem(str(scenario.path), "restart", "none", "kubelet-rules: the node's servers have to come back")
        raise BadInput("the model does not cover a node that stays away", [problem])


def check_brokers(scenario: Scenario, topology: HubTopology) -> None:
    """Raise BadInput where two brokers' loss does not leave one of three, with too few replicas for acks=all."""
    if scenario.faults[0].part is not Part.BROKERS:
        return
    file, brokers = str(scenario.path), len(topology.kafka.broker_ids)
    problems = []
    if brokers != 3:
        problems.append(Problem(file, "manifests", f"{brokers} brokers", "three brokers: one has to be left"))
    if scenario.workload.acks != "all":
        bound = "all: others do not ask for min.insync.replicas"
        problems.append(Problem(file, "load.acks", scenario.workload.acks, bound))
    if scenario.restart is RestartRule.NONE:
        problems.append(Problem(file, "restart", "none", "kubelet-rules: no write is taken until a broker is back"))
    for topic in topology.topics:
        if (topic.replication_factor, topic.min_insync_replicas) != (3, 2):
            replicas, least = topic.replication_factor, topic.min_insync_replicas
            found = f"{topic.name}: {replicas} replicas, min.insync.replicas {least}"
            problems.append(Problem(file, "manifests", found, "3 replicas and min.insync.replicas 2 in every topic"))
    if problems:
        raise BadInput("the model does not cover this loss of two brokers", problems)


def check_quorum(scenario: Scenario, topology: HubTopology) -> None:
    """Raise BadInput where the loss of two ZooKeeper servers is not that of a quorum, or nobody starts them again."""
    if scenario.faults[0].part is not Part.QUORUM:
        return
    file, servers = str(scenario.path), len(topology.zookeeper.server_ids)
    problems = []
    if servers != 3:
        problems.append(Problem(file, "manifests", f"{servers} ZooKeeper servers", "three: two of them are the quorum"))
    if scenario.workload.acks != "all":
        bound = "all: what others wait for needs no in-sync set to change"
        problems.append(Problem(file, "load.acks", scenario.workload.acks, bound))
    if scenario.restart is RestartRule.NONE:
        problems.append(Problem(file, "restart", "none", "kubelet-rules: the ZooKeeper servers have to come back"))
    if problems:
        raise BadInput("the model does not cover this loss of the quorum", problems)


def check_disk(scenario: Scenario) -> None:
    """Raise BadInput where nobody starts a broker again that halted on a full disk."""
    if scenario.faults[0].type is FaultType.DISK_FULL and scenario.restart is RestartRule.NONE:
        problem = Problem(str(scenario.path), "restart", "none", "kubelet-rules: the broker has to come back")
        raise BadInput("the model does not cover a broker that stays away once its disk has room again", [problem])


def check_failover(scenario: Scenario, topology: HubTopology) -> None:
    """Raise BadInput where manifests that do not fail over are to."""
    postgres = topology.postgres
    if scenario.faults[0].part is not Part.POSTGRES_FAILOVER or kubegres.fails_over(postgres):
        return
    found = f"{postgres.replicas} replicas, failover.isDisabled {str(postgres.failover_disabled).lower()}"
    problem = Problem(str(scenario.path), "manifests", found, "a replica to promote and failover.isDisabled false")
    raise BadInput("Kubegres would not fail over here: PostgresPrimaryKill is the fault for that", [problem])
