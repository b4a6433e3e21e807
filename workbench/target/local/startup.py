"""Bringing a hub up: in which order its servers start, and when each counts as ready."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import psutil
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from workbench.errors import ToolFailed
from workbench.fault import FailoverRule
from workbench.streams import stream
from workbench.target.clients import zookeeper_words
from workbench.target.clients.doors import Doors
from workbench.target.clients.kafka import KafkaReader
from workbench.target.local import databases, servers
from workbench.target.local.control import Control
from workbench.target.local.processes import ProcessSpec
from workbench.target.local.servers import Plan
from workbench.target.local.small_disk import seen_from_outside
from workbench.target.port import ProcessStart
from workbench.topology.hub import ControllerQuorum

POLL_S: Final = 0.05
READY_TIMEOUT_S: Final = 120.0  # of one step; a busy machine needs many times the usual second or two
ADMIN_TIMEOUT_S: Final = 30.0
TAIL_LINES: Final = 12
OFFSETS_TOPIC: Final = "__consumer_offsets"
IN_USE: Final = ("Address already in use", "BindException", "could not bind")


class PortTaken(ToolFailed):
    """A server found its port in use: somebody took it after it had been tried."""


class Startup:
    """One start; its three mappings hold what was measured of each broker."""

    def __init__(self, plan: Plan, control: Control, seed: int, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._control = control
        self._seed = seed
        self._say = say
        self.start_to_registered_s: dict[str, float] = {}
        self.start_cpu_s: dict[str, float] = {}
        self.registered_to_ready_s: dict[str, float] = {}

    def run(self, cluster: KafkaReader, doors: Doors) -> None:
        """Start everything and return when all of it is ready. Raises ToolFailed with the failing server's log."""
        topology = self._plan.topology
        quorum = topology.kafka.quorum
        self._say(f"starting {'ZooKeeper' if quorum is None else 'the controllers'}, PostgreSQL and Redis")
        for server_id in topology.zookeeper.server_ids:
            self._run(servers.zookeeper(self._plan, server_id))
        if quorum is not None:
            self._start_controllers(quorum)
        self._run(servers.redis(self._plan))
        self._start_databases()
        self._wait(doors.redis_answers, "Redis answers")
        if quorum is None:
            self._wait(self._zookeeper_has_quorum, "ZooKeeper has a leader and all its followers")
        else:
            self._wait(lambda: cluster.controller() >= 0, "the controllers have a leader")
        order = stream(self._seed, "start-order").permutation(len(topology.kafka.broker_ids))
        for index in order.tolist():
            self._start_broker(cluster, topology.kafka.broker_ids[index])
        self._say("creating topics")
        self._create_topics(cluster)
        self._start_applications()
        self._wait(lambda: self._replicas_whole(cluster), "every partition has its leader and all replicas in sync")
        standbys = topology.postgres.replicas - 1
        self._wait(lambda: databases.streaming_standbys(self._plan) == standbys, f"{standbys} standbys stream")
        self._wait(lambda: not doors.unready_processors(), "every event processor is ready")
        self._wait(lambda: not doors.unready_gateways(), "the gateway is ready")
        if self._plan.failover is FailoverRule.KUBEGRES_RULES:
            self._run(servers.kubegres(self._plan))

    def _run(self, spec: ProcessSpec) -> ProcessStart:
        """Start a process and return which one and when."""
        self._control.run(spec)
        started = next(status for status in self._control.processes() if status.name == spec.name)
        return started.starts[-1]

    # --- stores

    def _start_databases(self) -> None:
        databases.make_primary(self._plan)
        self._run(servers.postgres(self._plan, 1))
        self._wait(lambda: databases.accepts(self._plan, 1), "the PostgreSQL primary accepts connections")
        databases.make_database(self._plan)
        for instance in range(2, self._plan.topology.postgres.replicas + 1):
            databases.make_standby(self._plan, instance)
            self._run(servers.postgres(self._plan, instance))

    def _zookeeper_has_quorum(self) -> bool:
        modes = [zookeeper_words.mode(server) for server in self._plan.ports.addresses.zookeepers.values()]
        return len(modes) == 1 or ("leader" in modes and all(modes))

    # --- Kafka

    def _start_controllers(self, quorum: ControllerQuorum) -> None:
        """Format the storage of every Kafka server, all at once, then start the controllers."""
        plan = self._plan
        controllers = [servers.controller(plan, quorum, node_id) for node_id in quorum.node_ids]
        brokers = [servers.broker(plan, broker) for broker in plan.topology.kafka.broker_ids]
        _format_storage(plan, [spec.name for spec in (*controllers, *brokers)])
        for spec in controllers:
            self._run(spec)

    def _start_broker(self, cluster: KafkaReader, broker: int) -> None:
        """Start a broker and wait until it answers; alone, so that its times tell what a restart takes."""
        name = f"kafka-{broker}"
        self._say(f"starting {name}")
        if broker == self._plan.small_disk:
            self._onto_small_disk(servers.broker_data(self._plan.directory, name))
        started = self._run(servers.broker(self._plan, broker))
        self._wait(lambda: cluster.registered_s(broker) is not None, f"{name} registers")
        used = self._cpu_times(name, started.process_id)
        registered_s = cluster.registered_s(broker) or time.time()
        self._wait(lambda: cluster.answers(broker), f"{name} answers", poll_s=0.01)
        self.start_to_registered_s[name] = registered_s - started.started_s
        self.start_cpu_s[name] = used.user + used.system
        self.registered_to_ready_s[name] = time.time() - registered_s

    def _onto_small_disk(self, data: Path) -> None:
        """Mount a small disk where a broker has its logs; what is there already, KRaft's storage, goes onto it."""
        self._control.small_disk(data)
        if data.exists():  # which is the folder below the mount, seen from here
            shutil.copytree(data, seen_from_outside(self._control.supervisor(), data), dirs_exist_ok=True)

    @staticmethod
    def _cpu_times(name: str, process_id: int) -> Any:
        try:
            return psutil.Process(process_id).cpu_times()
        except psutil.NoSuchProcess as error:
            raise ToolFailed(f"{name} registered and ended at once: see its log") from error

    def _create_topics(self, cluster: KafkaReader) -> None:
        """Create the topics with their preferred leaders dealt out evenly, and Kafka's own for offsets."""
        topology = self._plan.topology
        brokers = list(topology.kafka.broker_ids)
        self._wait(lambda: cluster.brokers_known() == frozenset(brokers), "every broker is known to the controller")
        wanted = []
        flat = 0
        for topic in topology.topics:
            assignment: Any = [
                _replicas(brokers, flat + index, topic.replication_factor) for index in range(topic.partitions)
            ]
            flat += topic.partitions
            wanted.append(
                NewTopic(topic.name, topic.partitions, replica_assignment=assignment, config=dict(topic.config))
            )
        admin = AdminClient({"bootstrap.servers": self._plan.kafka_bootstrap, "log_level": 0})
        for name, future in admin.create_topics(wanted, operation_timeout=ADMIN_TIMEOUT_S).items():
            try:
                future.result(timeout=ADMIN_TIMEOUT_S)
            except (KafkaException, TimeoutError) as error:
                raise ToolFailed(f"topic {name} could not be created: {error}") from error
        group = topology.processors.consumer_group
        self._wait(lambda: cluster.group_coordinator(group) >= 0, f"group {group} has a coordinator", poll_s=0.2)

    def _replicas_whole(self, cluster: KafkaReader) -> bool:
        states = cluster.partition_states()
        wanted = {*self._plan.topology.partition_labels, f"{OFFSETS_TOPIC}-0"}
        return wanted <= states.keys() and all(
            state.leader == state.replicas[0] and set(state.isr) == set(state.replicas) for state in states.values()
        )

    # --- applications

    def _start_applications(self) -> None:
        self._say("starting the event processors and the gateway")
        for index in self._plan.ports.metrics:
            self._run(servers.processor(self._plan, index))
        for index in self._plan.ports.gateways:
            self._run(servers.gateway(self._plan, index))

    # --- waiting

    def _wait(self, condition: Callable[[], bool], what: str, poll_s: float = POLL_S) -> None:
        """Wait until `condition` holds. Raises ToolFailed at the deadline or when a server has ended."""
        deadline_s = time.monotonic() + READY_TIMEOUT_S
        while not condition():
            self._check_alive()
            if time.monotonic() > deadline_s:
                raise ToolFailed(f"not within {READY_TIMEOUT_S:.0f} s: {what}")
            time.sleep(poll_s)

    def _check_alive(self) -> None:
        for status in self._control.processes():
            if status.process_id == 0 and status.is_server:
                tail = self._tail(status.name)
                error = PortTaken if any(words in tail for words in IN_USE) else ToolFailed
                raise error(f"{status.name} ended while the hub was starting ({status.starts[-1].exit}):\n{tail}")

    def _tail(self, server: str) -> str:
        """Return the last lines of a server's logs."""
        lines: list[str] = []
        for file in (self._plan.logs / f"{server}.log", self._plan.logs / f"{server}.out"):
            if file.exists():
                lines += file.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        return "\n".join(f"  {line}" for line in lines)


def _format_storage(plan: Plan, names: list[str]) -> None:
    """Format the storage of these servers side by side. Raises ToolFailed with the first one's output that fails."""
    with ExitStack() as running:
        formats = []
        for name in names:
            command = servers.format_storage(plan, name)
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            running.callback(process.kill)
            formats.append((name, running.enter_context(process)))
        for name, process in formats:
            said, _ = process.communicate(timeout=READY_TIMEOUT_S)
            if process.returncode:
                raise ToolFailed(f"the storage of {name} could not be formatted: {said[-300:]}")


def _replicas(brokers: list[int], flat: int, count: int) -> list[int]:
    """Return the replicas of the partition with flat index `flat`, its preferred leader first."""
    others = len(brokers) - 1
    first = flat % len(brokers)
    turn = flat // len(brokers) % others if others else 0  # followers take turns as well
    followers = [brokers[(first + 1 + (turn + step) % others) % len(brokers)] for step in range(count - 1)]
    return [brokers[first], *followers]
