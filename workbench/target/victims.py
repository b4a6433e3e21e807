"""Whom a fault hits: from a scenario's selector to exactly one running process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

from workbench.errors import BadInput
from workbench.fault import NODE_PARTS, FailoverRule, Fault, FaultType, Part, VictimSelector, mode_contradiction
from workbench.target.port import Ensemble, PartitionState, Victim
from workbench.topology.hub import HubTopology

BROKERS: Final = "kafka-"
PROCESSORS: Final = "event-processor-"
POSTGRES: Final = "postgres-"
REDIS: Final = "redis-0"
ZOOKEEPERS: Final = "zookeeper-"
CONTROLLERS: Final = "controller-"


class Process(Protocol):
    """One process of a hub."""

    @property
    def name(self) -> str:
        """Return the server's name, "kafka-1"."""

    @property
    def node(self) -> str:
        """Return the node it is on."""

    @property
    def process_id(self) -> int:
        """Return its id, 0 while it does not run."""

    @property
    def is_server(self) -> bool:
        """Tell whether it belongs to the hub and not to a drill."""


class Breakable(Protocol):
    """What is asked of a hub to find a victim."""

    @property
    def target(self) -> str:
        """Return the target's name."""

    @property
    def topology(self) -> HubTopology:
        """Return what its manifests say."""

    @property
    def failover(self) -> FailoverRule:
        """Return what happens when the Postgres primary died."""

    def faults(self) -> frozenset[FaultType]:
        """Return the faults it can have."""

    def processes(self) -> Sequence[Process]:
        """Return its processes."""

    def primary(self) -> str:
        """Return the Postgres instance that takes writes now, "" if none does."""

    def partition_states(self) -> Mapping[str, PartitionState]:
        """Return leader and in-sync replicas of every partition."""

    def registered_brokers(self) -> frozenset[int]:
        """Return the broker ids registered now."""

    def controller(self) -> int:
        """Return the active controller, -1 if there is none."""

    def ensemble(self) -> Ensemble:
        """Return what each ZooKeeper server is."""


def resolve(hub: Breakable, fault: Fault) -> Victim:
    """Return the exact victim of a fault. Raises BadInput when there is none."""
    if fault.type not in hub.faults():
        raise BadInput(f"the target {hub.target} cannot do {fault.type}; it can do {', '.join(sorted(hub.faults()))}")
    if fault.part in (Part.POSTGRES, Part.POSTGRES_FAILOVER):
        _check_failover(hub, fault)
    in_kraft = hub.topology.kafka.quorum is not None
    if reason := mode_contradiction(fault.type, fault.victim.role, kraft=in_kraft):
        raise BadInput(f"{fault.type} of {fault.victim}: {reason}")
    if fault.part in _WHOLE:
        return _WHOLE[fault.part](hub, fault.victim)
    server = fault.victim.server or _SERVERS[fault.part](hub, fault.victim)
    status = next((each for each in hub.processes() if each.name == server and each.is_server), None)
    if status is None or not server.startswith(_NAMES[fault.part]):
        there = [each.name for each in hub.processes() if each.is_server and each.name.startswith(_NAMES[fault.part])]
        raise BadInput(f"{fault.type} cannot hit {server}: the hub has {', '.join(there)}")
    if not status.process_id:
        raise BadInput(f"{fault.victim}: {server} is not running")
    if fault.part in (Part.BROKER, Part.BROKER_LINKS):
        return _broker(hub, server, status.node, status.process_id, int(server.removeprefix(BROKERS)))
    if fault.part is Part.ZOOKEEPER:
        server_id = int(server.removeprefix(ZOOKEEPERS))
        leads = hub.ensemble().leader == server_id
        return Victim(server, status.node, status.process_id, zookeeper=server_id, leads_zookeeper=leads)
    processor = int(server.removeprefix(PROCESSORS)) if fault.part is Part.PROCESSOR else None
    return Victim(server, status.node, status.process_id, processor=processor)


def _broker(hub: Breakable, server: str, node: str, process_id: int, broker: int) -> Victim:
    led = tuple(sorted(label for label, state in hub.partition_states().items() if state.leader == broker))
    return Victim(server, node, process_id, broker, led, broker == hub.controller())


def _brokers(hub: Breakable, wanted: VictimSelector) -> Victim:
    """Return several brokers as one victim; its partitions are those that any of them leads."""
    names = wanted.server.split(",") if wanted.server else [f"{BROKERS}{each}" for each in wanted.brokers]
    running = {each.name: each for each in hub.processes() if each.name.startswith(BROKERS)}
    absent = [name for name in names if name not in running or not running[name].process_id]
    if absent or len(set(names)) < 2:
        raise BadInput(f"{', '.join(absent or names)}: two different brokers that run are needed")
    each = [
        _broker(hub, name, running[name].node, running[name].process_id, int(name.removeprefix(BROKERS)))
        for name in names
    ]
    return replace(
        each[0],
        server=",".join(names),
        led_partitions=tuple(sorted(label for victim in each for label in victim.led_partitions)),
        is_controller=any(victim.is_controller for victim in each),
        servers=tuple((victim.server, victim.process_id) for victim in each),
    )


def _quorum(hub: Breakable, wanted: VictimSelector) -> Victim:
    """Return a broker and two ZooKeeper servers as one victim: the leader, and whoever holds the most sessions else."""
    if wanted.server:
        names = wanted.server.split(",")
    else:
        leader, follower = (VictimSelector(role=f"zookeeper-{role}") for role in ("leader", "follower"))
        names = [f"{BROKERS}{wanted.broker}", _zookeeper_server(hub, leader), _zookeeper_server(hub, follower)]
    running = {each.name: each for each in hub.processes() if each.process_id and each.is_server}
    if absent := [name for name in names if name not in running]:
        raise BadInput(f"{', '.join(absent)}: not running")
    broker = running[names[0]]
    victim = _broker(hub, broker.name, broker.node, broker.process_id, int(broker.name.removeprefix(BROKERS)))
    servers = tuple((name, running[name].process_id) for name in names)
    return replace(victim, server=",".join(names), servers=servers)


def _node(hub: Breakable, node: str) -> Victim:
    """Return all servers of a node as one victim; a node has one of each kind at most."""
    on_it = [each for each in hub.processes() if each.is_server and each.node == node]
    if not on_it:
        nodes = sorted({each.node for each in hub.processes() if each.is_server})
        raise BadInput(f"no node {node!r}: the hub has {', '.join(nodes)}")
    down = [each.name for each in on_it if not each.process_id]
    if down:
        raise BadInput(f"{node}: {', '.join(down)} not running")
    names = [each.name for each in on_it]
    broker, processor, server_id = (_number(names, kind) for kind in (BROKERS, PROCESSORS, ZOOKEEPERS))
    if broker is None:
        raise BadInput(f"{node} has no broker: choose the fault of the server that it has, {', '.join(names)}")
    kafka = next(each for each in on_it if each.name == f"{BROKERS}{broker}")
    victim = _broker(hub, node, node, kafka.process_id, broker)
    return replace(
        victim,
        is_controller=victim.is_controller or f"{CONTROLLERS}{hub.controller()}" in names,
        processor=processor,
        zookeeper=server_id,
        leads_zookeeper=server_id is not None and hub.ensemble().leader == server_id,
        servers=tuple((each.name, each.process_id) for each in on_it),
    )


def _number(names: list[str], kind: str) -> int | None:
    return next((int(name.removeprefix(kind)) for name in names if name.startswith(kind)), None)


def _broker_server(hub: Breakable, wanted: VictimSelector) -> str:
    if wanted.broker is not None:
        brokers = hub.topology.kafka.broker_ids
        if wanted.broker not in brokers:
            raise BadInput(f"there is no broker {wanted.broker}; the hub has {', '.join(map(str, brokers))}")
        return f"{BROKERS}{wanted.broker}"
    if wanted.role == "controller":
        if (controller := hub.controller()) < 0:
            raise BadInput("no broker is the controller now")
        return f"{BROKERS}{controller}"
    if wanted.role == "leads-nothing":
        return f"{BROKERS}{_leads_nothing(hub, hub.partition_states())}"
    raise BadInput(f"unknown role {wanted.role!r}: controller or leads-nothing")


def _leads_nothing(hub: Breakable, states: Mapping[str, PartitionState]) -> int:
    leaders = {state.leader for state in states.values()}
    idle = [broker for broker in sorted(hub.registered_brokers()) if broker not in leaders]
    if not idle:
        raise BadInput("every broker leads a partition now")
    return idle[0]


def _check_failover(hub: Breakable, fault: Fault) -> None:
    """Raise BadInput where what follows would not be what the fault is named after."""
    fails_over = hub.failover is FailoverRule.KUBEGRES_RULES
    if fails_over != (fault.part is Part.POSTGRES_FAILOVER):
        rule, other = hub.failover.value, "kubegres-rules" if not fails_over else "none"
        raise BadInput(f"{fault.type} needs a hub with fail-over {other}; this one was started with {rule}")


def _zookeeper_server(hub: Breakable, wanted: VictimSelector) -> str:
    """Return the ZooKeeper server of a role: of the followers the one that holds the most brokers' sessions."""
    ensemble = hub.ensemble()
    if ensemble.leader < 0:
        raise BadInput("no ZooKeeper server leads now")
    if wanted.role == "zookeeper-leader":
        return f"{ZOOKEEPERS}{ensemble.leader}"
    followers = [each for each in ensemble.serving if each != ensemble.leader]
    if not followers:
        raise BadInput("no ZooKeeper server follows now")
    held = list(ensemble.server_of_broker.values())
    return f"{ZOOKEEPERS}{max(followers, key=held.count)}"


_NAMES: Final[Mapping[Part, str]] = {
    Part.BROKER: BROKERS,
    Part.BROKER_LINKS: BROKERS,
    Part.PROCESSOR: PROCESSORS,
    Part.POSTGRES: POSTGRES,
    Part.POSTGRES_FAILOVER: POSTGRES,
    Part.POSTGRES_BACKEND: POSTGRES,
    Part.REDIS: REDIS,
    Part.ZOOKEEPER: ZOOKEEPERS,
    Part.CONTROLLER: CONTROLLERS,
}
_WHOLE: Final[Mapping[Part, Callable[[Breakable, VictimSelector], Victim]]] = {  # what is not one server
    Part.LOAD: lambda *_: Victim("load", "", 0),  # nothing of the hub
    Part.BROKERS: _brokers,
    Part.QUORUM: _quorum,
    **dict.fromkeys(NODE_PARTS, lambda hub, wanted: _node(hub, wanted.server or wanted.node or "")),
}
_SERVERS: Final[Mapping[Part, Callable[[Breakable, VictimSelector], str]]] = {
    Part.BROKER: _broker_server,
    Part.BROKER_LINKS: _broker_server,
    Part.PROCESSOR: lambda _, wanted: f"{PROCESSORS}{wanted.processor}",
    Part.POSTGRES: lambda hub, _: hub.primary() or "no primary",
    Part.POSTGRES_FAILOVER: lambda hub, _: hub.primary() or "no primary",
    Part.POSTGRES_BACKEND: lambda hub, _: hub.primary() or "no primary",
    Part.REDIS: lambda *_: REDIS,
    Part.ZOOKEEPER: _zookeeper_server,
    Part.CONTROLLER: lambda hub, _: f"{CONTROLLERS}{hub.controller()}",
}
