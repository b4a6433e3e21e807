"""Reading the state of Kafka and ZooKeeper, cheaply enough for ten looks a second and with any broker dead.

Registered brokers, their sessions and the controller come from ZooKeeper. Leaders and in-sync replicas come
from a broker's Metadata answer: in ZooKeeper mode that is what the controller last told it, so between a
broker's death and the end of its session the dead broker is still shown as a leader; that is also what every
client sees. The controller itself is asked first, because it is never behind its own decisions.

In KRaft mode all of it comes from brokers' Metadata, which holds the brokers that are not fenced; a broker opens its
door only when it is not. Which controller is the active one the controllers say.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from confluent_kafka import (  # type: ignore[attr-defined]
    ConsumerGroupTopicPartitions,
    ElectionType,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec
from kazoo.exceptions import NoNodeError

from workbench.errors import ToolFailed
from workbench.target.clients import zookeeper_words
from workbench.target.clients.addresses import Address, KafkaAddresses
from workbench.target.clients.kafka_wire import BrokerConnection, ClusterMetadata
from workbench.target.clients.zookeeper_sessions import ZooKeeperSessions
from workbench.target.port import Ensemble, PartitionState

BROKER_TIMEOUT_S: Final = 0.5  # a live broker answers in milliseconds, a dead one refuses at once
ADMIN_TIMEOUT_S: Final = 10.0
TOPIC_TIMEOUT_S: Final = 30.0  # every replica makes its folders
NO_BROKER: Final = -1
NO_SESSION: Final = 0
COORDINATOR_MOVES: Final = frozenset({KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS})
ASK_AGAIN_S: Final = 0.2

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Member:
    """A member of a consumer group."""

    client_id: str
    host: str  # its address
    partitions: tuple[str, ...]  # "topic-partition"


class KafkaReader:
    """A reader of one hub's Kafka and ZooKeeper. Threads may share it. Methods raise ToolFailed without an answer."""

    def __init__(self, addresses: KafkaAddresses) -> None:
        self._addresses = addresses
        self._tls = addresses.tls()
        self._lock = threading.Lock()
        self._zookeeper = ZooKeeperSessions(addresses.zookeepers)
        self._session_of_broker: dict[int, int] = {}
        self._controller = NO_BROKER  # as last heard of
        self._connections: dict[int, BrokerConnection] = {}
        self._admin_client: AdminClient | None = None

    def close(self) -> None:
        """Close every connection; the next question opens new ones."""
        with self._lock:
            for connection in self._connections.values():
                connection.close()
            self._connections.clear()
            self._admin_client = None
        self._zookeeper.close()

    # --- from ZooKeeper

    def registered_brokers(self) -> frozenset[int]:
        """Return the broker ids below /brokers/ids; in KRaft mode those that are not fenced."""
        if self._addresses.controllers:
            return self.brokers_known()
        try:
            return frozenset(int(name) for name in self._ask_zookeeper("get_children", "/brokers/ids"))
        except NoNodeError:  # before the first broker
            return frozenset()

    def registered_s(self, broker: int) -> float | None:
        """Return when (epoch s, 1 ms resolution) a broker registered; None if it is not registered.

        In KRaft mode now, if its process answers: the door opens when the broker is not fenced any more.
        """
        if self._addresses.controllers:
            return time.time() if self.answers(broker) else None
        stat = self._ask_zookeeper("exists", f"/brokers/ids/{broker}")
        return None if stat is None else float(stat.ctime) / 1000.0

    def controller(self) -> int:
        """Return the broker that holds /controller, in KRaft mode the active controller's node id; -1 if none."""
        if self._addresses.controllers:
            return next((each for each, door in self._addresses.controllers.items() if _leads(door)), NO_BROKER)
        try:
            data, _ = self._ask_zookeeper("get", "/controller")
        except NoNodeError:
            self._controller = NO_BROKER
        else:
            self._controller = int(json.loads(data)["brokerid"])
        return self._controller

    def ensemble(self) -> Ensemble:
        """Return what each ZooKeeper server says it is, and which of them holds each broker's session.

        In KRaft mode the same of the controllers, where brokers have no session with one of them.
        The servers answer this one by one, without a quorum as well. Whose session is whose was asked of the ensemble
        and is asked again, where it can be, when a session is not connected to anybody.
        """
        if self._addresses.controllers:
            leads = {node_id: _leads(door) for node_id, door in self._addresses.controllers.items()}
            active = next((node_id for node_id, is_active in leads.items() if is_active), NO_BROKER)
            return Ensemble(active, tuple(node_id for node_id, says in leads.items() if says is not None), {})
        modes = {server_id: zookeeper_words.mode(server) for server_id, server in self._addresses.zookeepers.items()}
        serving = tuple(sorted(server_id for server_id, mode in modes.items() if mode))
        server_of = {
            session: server_id
            for server_id in serving
            for session in zookeeper_words.sessions(self._addresses.zookeepers[server_id])
        }
        held = self._held(server_of)
        if -1 in held.values() and self._zookeeper_is_near():
            self._session_of_broker = self._sessions()
            held = self._held(server_of)
        leader = next((server_id for server_id, mode in modes.items() if mode in ("leader", "standalone")), -1)
        return Ensemble(leader, serving, held)

    def _held(self, server_of: Mapping[int, int]) -> dict[int, int]:
        """Return which server holds each broker's session as far as it is known, -1 if none does."""
        sessions, brokers = self._session_of_broker, sorted(self._addresses.brokers)
        return {broker: server_of.get(sessions.get(broker, NO_SESSION), -1) for broker in brokers}

    def _sessions(self) -> dict[int, int]:
        """Return the id of each registered broker's session."""
        stats = {each: self._ask_zookeeper("exists", f"/brokers/ids/{each}") for each in self.registered_brokers()}
        return {broker: int(stat.ephemeralOwner) for broker, stat in sorted(stats.items()) if stat is not None}

    # --- from brokers

    def partition_states(self) -> Mapping[str, PartitionState]:
        """Return leader and in-sync replicas of every partition as the controller, else any broker, knows them."""
        return self._metadata().partitions

    def brokers_known(self) -> frozenset[int]:
        """Return the brokers that clients are told of."""
        return self._metadata(need_partitions=False).brokers

    def group_coordinator(self, group: str) -> int:
        """Return the broker that coordinates a consumer group, -1 if none does now."""
        return self._ask_brokers(lambda connection: connection.coordinator(group), lambda _: True)

    def answers(self, broker: int) -> bool:
        """Tell whether a broker answers and knows itself."""
        try:
            return broker in self._ask_broker(broker, BrokerConnection.metadata).brokers
        except OSError:
            return False

    def members(self, group: str) -> tuple[Member, ...]:
        """Return a consumer group's members."""

        def ask() -> Any:
            futures: Any = self._admin().describe_consumer_groups([group], request_timeout=ADMIN_TIMEOUT_S)
            return futures[group].result()

        described = self._ask_coordinator(ask, f"group {group} could not be described")
        return tuple(
            Member(
                member.client_id,
                member.host.lstrip("/"),
                tuple(f"{held.topic}-{held.partition}" for held in member.assignment.topic_partitions),
            )
            for member in described.members
        )

    def lag_records(self, group: str) -> int:
        """Return how many records of its partitions a consumer group has not committed yet, over all partitions."""
        admin = self._admin()

        def ask() -> tuple[Any, dict[tuple[str, int], int]]:
            asked: Any = admin.list_consumer_group_offsets(
                [ConsumerGroupTopicPartitions(group)], request_timeout=ADMIN_TIMEOUT_S
            )
            committed = asked[group].result().topic_partitions
            ends: Any = admin.list_offsets(
                {TopicPartition(each.topic, each.partition): OffsetSpec.latest() for each in committed},
                isolation_level=IsolationLevel.READ_UNCOMMITTED,
                request_timeout=ADMIN_TIMEOUT_S,
            )
            return committed, {(at.topic, at.partition): future.result().offset for at, future in ends.items()}

        committed, end = self._ask_coordinator(ask, f"the lag of group {group} could not be read")
        return sum(max(0, end[each.topic, each.partition] - max(each.offset, 0)) for each in committed)

    def make_topic(self, name: str, partitions: int, replicas: int) -> None:
        """Create a topic that the manifests do not state. Raises ToolFailed when refused."""
        try:
            wanted = [NewTopic(name, partitions, replicas)]
            self._admin().create_topics(wanted, request_timeout=TOPIC_TIMEOUT_S)[name].result(TOPIC_TIMEOUT_S)
        except KafkaException as error:
            raise ToolFailed(f"topic {name} could not be created: {error}") from error

    def delete_topic(self, name: str) -> None:
        """Delete a topic; its files go a minute later (file.delete.delay.ms). Raises ToolFailed when refused."""
        try:
            self._admin().delete_topics([name], request_timeout=TOPIC_TIMEOUT_S)[name].result(TOPIC_TIMEOUT_S)
        except KafkaException as error:
            raise ToolFailed(f"topic {name} could not be deleted: {error}") from error

    def elect_preferred_leaders(self, labels: Iterable[str]) -> None:
        """Let each partition ("topic-partition") be led by its first replica. Raises ToolFailed when refused."""
        places = [TopicPartition(name, int(index)) for name, _, index in (each.rpartition("-") for each in labels)]
        try:
            admin: Any = self._admin()
            # confluent-kafka 2.16 fails on its own time-outs here (SystemError), so the wait has one.
            admin.elect_leaders(ElectionType.PREFERRED, places).result(timeout=ADMIN_TIMEOUT_S)
        except (KafkaException, TimeoutError) as error:
            raise ToolFailed(f"preferred leaders could not be elected: {error}") from error

    # --- how

    def _ask_coordinator(self, ask: Callable[[], Answer], trouble: str) -> Answer:
        """Return what a group's coordinator says; one that has just handed the group over is asked again."""
        deadline_s = time.monotonic() + ADMIN_TIMEOUT_S
        while True:
            try:
                return ask()
            except KafkaException as error:
                problem = error.args[0]
                moved = isinstance(problem, KafkaError) and problem.code() in COORDINATOR_MOVES
                if not moved or time.monotonic() > deadline_s:
                    raise ToolFailed(f"{trouble}: {error}") from error
                time.sleep(ASK_AGAIN_S)

    def _admin(self) -> AdminClient:
        with self._lock:
            if self._admin_client is None:
                client = {"bootstrap.servers": self._addresses.bootstrap, **self._addresses.security}
                self._admin_client = AdminClient({**client, "log_level": 0})
            return self._admin_client

    def _metadata(self, need_partitions: bool = True) -> ClusterMetadata:
        # A broker that has just started knows of nothing until the controller tells it.
        return self._ask_brokers(
            BrokerConnection.metadata, lambda metadata: bool(metadata.partitions) or not need_partitions
        )

    def _ask_brokers(self, question: Callable[[BrokerConnection], Answer], good: Callable[[Answer], bool]) -> Answer:
        # Without ZooKeeper the brokers go on, and so does the controller of before. The connection may break at any
        # moment, also between the look whether it is there and the question.
        if not self._addresses.controllers and self._zookeeper_is_near():
            with contextlib.suppress(ToolFailed):
                self.controller()
        controller, reasons = self._controller, []
        for broker in sorted(self._addresses.brokers, key=lambda broker: broker != controller):
            try:
                answer = self._ask_broker(broker, question)
            except OSError as error:
                reasons.append(f"kafka-{broker}: {error.strerror or error}")
                continue
            if good(answer):
                return answer
            reasons.append(f"kafka-{broker}: knows of no partition yet")
        raise ToolFailed("no broker answers: " + "; ".join(reasons))

    def _ask_broker(self, broker: int, question: Callable[[BrokerConnection], Answer]) -> Answer:
        """Return a broker's answer over a kept connection; an old connection that broke is opened once more."""
        with self._lock:
            kept = self._connections.pop(broker, None)
            if kept is not None:
                try:
                    answer = question(kept)
                except OSError:
                    kept.close()
                else:
                    self._connections[broker] = kept
                    return answer
            connection = BrokerConnection(self._addresses.brokers[broker], BROKER_TIMEOUT_S, self._tls)
            try:
                answer = question(connection)
            except OSError:
                connection.close()
                raise
            self._connections[broker] = connection
            return answer

    def _ask_zookeeper(self, method: str, path: str) -> Any:
        """Return the answer of a reading KazooClient method; NoNodeError passes."""
        return self._zookeeper.ask(method, path)

    def _zookeeper_is_near(self) -> bool:
        """Tell whether ZooKeeper can be asked at once; true before the first question."""
        return self._zookeeper.near


def _leads(controller: Address) -> bool | None:
    """Tell whether a controller is the active one; None where it does not answer."""
    try:
        with contextlib.closing(BrokerConnection(controller, BROKER_TIMEOUT_S)) as connection:
            return connection.leads_quorum()
    except OSError:
        return None
