"""The event processor on real servers: exactly one row an event, whatever dies around it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from psycopg.conninfo import make_conninfo

from tests.support.waiting import wait_for
from workbench.apps.event_processor.database import Database
from workbench.apps.event_processor.records import Batch, Event
from workbench.apps.event_processor.state import ALERTS_CHANNEL
from workbench.target.local import LocalHub

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

KEY = "a key of these tests alone"
PARTITIONS = 6
DEVICES = 60
START_MAX_S = 120.0
CATCH_UP_MAX_S = 240.0
REDIS_DATABASE = 5  # the hub's own processors use 0


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Bench:
    """Topics, a schema, a Redis database and processors of one test's own, on the servers of a hub."""

    hub: LocalHub
    name: str
    logs: Path
    group_session_timeout_s: float = 45.0
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    ports: dict[int, int] = field(default_factory=dict)  # process id -> metrics port

    def __post_init__(self) -> None:
        self.topics = ("alerts", f"{self.name}-bulk")  # `alerts` is published; its records here are this test's
        self.dsn = make_conninfo(self.hub.endpoints.postgres_dsn, options=f"-c search_path={self.name},public")
        base = self.hub.endpoints.redis_url.rsplit("/", 1)[0]
        self.redis_url = f"{base}/{REDIS_DATABASE}"
        self.redis = redis.Redis.from_url(self.redis_url, decode_responses=True)
        self.produced = 0

    def prepare(self) -> None:
        """Make the schema and the topic; empty the Redis database."""
        admin = AdminClient({"bootstrap.servers": self.hub.endpoints.kafka_bootstrap})
        admin.create_topics([NewTopic(self.topics[1], PARTITIONS, 3)])[self.topics[1]].result(60)
        with psycopg.connect(self.hub.endpoints.postgres_dsn, autocommit=True) as connection:
            connection.execute(f"DROP SCHEMA IF EXISTS {self.name} CASCADE; CREATE SCHEMA {self.name}")
        self.redis.flushdb()
        self.skip_old_alerts()

    def skip_old_alerts(self) -> None:
        """Let this test's group begin at the end of `alerts`, which it shares with the hub's own processors."""
        consumer = Consumer({"bootstrap.servers": self.hub.endpoints.kafka_bootstrap, "group.id": self.name})
        places = [TopicPartition(self.topics[0], partition) for partition in range(PARTITIONS)]
        for place in places:
            place.offset = consumer.get_watermark_offsets(place, timeout=30)[1]
        consumer.commit(offsets=places, asynchronous=False)
        consumer.close()

    def start(self, topics: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        """Start a processor of this test's group."""
        port = free_port()
        environment = {
            **os.environ,
            "KAFKA_BOOTSTRAP": self.hub.endpoints.kafka_bootstrap,
            "KAFKA_TOPICS": ",".join(topics or self.topics[1:]),
            "KAFKA_GROUP": self.name,
            "POSTGRES_DSN": self.dsn,
            "REDIS_URL": self.redis_url,
            "ENCRYPTION_KEY": KEY,
            "GROUP_SESSION_TIMEOUT_S": str(self.group_session_timeout_s),
            "BATCH_EVENTS_MAX": "100",
            "BATCH_LINGER_S": "0.05",
            "METRICS_PORT": str(port),
            "PROCESSOR_INDEX": str(len(self.running)),
        }
        with (self.logs / f"processor-{len(self.running)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "workbench.apps.event_processor"], env=environment, stderr=log, stdout=log
            )
        self.running.append(process)
        self.ports[process.pid] = port
        return process

    def metric(self, process: subprocess.Popen[bytes], name: str) -> float:
        """Return one of a processor's own metrics, summed over labels; -1 while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[process.pid]}/metrics", timeout=5) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return -1.0
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"hub_processor_{name}"))

    def wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until a processor has partitions and a database."""
        wait_for(lambda: self.metric(process, "ready") == 1.0, START_MAX_S, "processor ready")

    def produce(self, count: int) -> None:
        """Produce events, evenly over the bulk topic's partitions, and wait for their acknowledgements."""
        problems: list[Any] = []
        producer = Producer({"bootstrap.servers": self.hub.endpoints.kafka_bootstrap, "enable.idempotence": True})
        for number in range(self.produced, self.produced + count):
            device = number % DEVICES
            body = b'{"id":%d,"device":%d,"kind":"bulk","intended_s":0.0,"state":"s%d"}' % (number, device, number)
            producer.produce(
                self.topics[1],
                body,
                str(device).encode(),
                device % PARTITIONS,
                on_delivery=lambda problem, _: problem and problems.append(problem),
            )
        assert producer.flush(120) == 0
        assert not problems
        self.produced += count

    def rows(self) -> int:
        """Return how many events Postgres holds; -1 while it does not answer."""
        try:
            with psycopg.connect(self.dsn, connect_timeout=5) as connection:
                found = connection.execute("SELECT count(*) FROM events").fetchone()
        except psycopg.Error:
            return -1
        return int(found[0]) if found else -1

    def assert_one_row_each(self) -> None:
        """Wait until all that was produced is there, then compare ids and newest states."""
        wait_for(lambda: self.rows() >= self.produced, CATCH_UP_MAX_S, f"{self.produced} rows")
        with psycopg.connect(self.dsn) as connection:
            ids = [row[0] for row in connection.execute("SELECT id FROM events ORDER BY id")]
        assert ids == list(range(self.produced))
        wait_for(self.states_are_newest, 30, "Redis shows the newest states")

    def states_are_newest(self) -> bool:
        """Whether Redis shows each device's last event."""
        newest = {number % DEVICES: number for number in range(self.produced)}
        field = {device: f"{self.topics[1]}/{device % PARTITIONS}" for device in newest}
        try:
            held = {device: self.redis.hget(f"device:{device}", field[device]) for device in newest}
        except redis.RedisError:
            return False
        return all(str(held[device]).split(" ")[1:] == [str(number), f"s{number}"] for device, number in newest.items())

    def end(self) -> None:
        """End every processor that still runs."""
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait(30)
        self.redis.close()


@pytest.fixture
def bench(hub: LocalHub, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Return a bench of the test's own."""
    bench = Bench(hub, f"t{os.getpid()}_{time.time_ns()}", tmp_path)
    bench.prepare()
    try:
        yield bench
    finally:
        bench.end()


def test_events_become_encrypted_rows_states_and_alerts(bench: Bench) -> None:
    """Rows decrypt to the bodies; malformed records are kept apart; alerts reach a listener; SIGTERM ends cleanly."""
    listener = bench.redis.pubsub(ignore_subscribe_messages=True)
    listener.subscribe(ALERTS_CHANNEL)
    bench.produce(100)
    producer = Producer({"bootstrap.servers": bench.hub.endpoints.kafka_bootstrap})
    for value in (b"not JSON", b'{"id":-1}', b""):
        producer.produce(bench.topics[1], value, partition=0)
    alert = b'{"id":%d,"device":7,"kind":"alerts","intended_s":0.0,"state":"asystole"}' % time.time_ns()
    producer.produce(bench.topics[0], alert, partition=1)
    assert producer.flush(60) == 0
    process = bench.start(bench.topics)
    bench.wait_until_ready(process)
    wait_for(lambda: bench.rows() >= 101, CATCH_UP_MAX_S, "101 rows")
    # Each partition is read at its own pace: the malformed ones may come in a later batch than all events.
    wait_for(lambda: bench.metric(process, "malformed_total") == 3.0, CATCH_UP_MAX_S, "three malformed records")
    with psycopg.connect(bench.dsn) as connection:
        decrypted = connection.execute("SELECT pgp_sym_decrypt(body, %s) FROM events WHERE id = 42", (KEY,)).fetchone()
        letters = connection.execute("SELECT value FROM dead_letters ORDER BY kafka_offset").fetchall()
        stored = connection.execute("SELECT body FROM events WHERE id = 42").fetchone()
    assert decrypted == ('{"id":42,"device":42,"kind":"bulk","intended_s":0.0,"state":"s42"}',)
    assert [bytes(letter[0]) for letter in letters] == [b"not JSON", b'{"id":-1}', b""]
    assert stored is not None
    assert b"bulk" not in bytes(stored[0])
    wait_for(bench.states_are_newest, 30, "Redis shows the newest states")
    heard: list[Any] = []
    wait_for(lambda: _hear(listener, heard), 30, "the alert on the channel")
    assert heard[0]["data"].encode() == alert
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    log = (bench.logs / "processor-0.log").read_text()
    assert KEY not in log
    assert "hub:" not in log
    again = bench.start(bench.topics)
    bench.wait_until_ready(again)
    bench.produce(10)
    bench.produced = 110
    wait_for(lambda: bench.rows() >= 111, CATCH_UP_MAX_S, "111 rows")
    assert bench.metric(again, "duplicates_total") == 0.0  # every offset was committed before the end
    listener.close()


def _hear(listener: Any, heard: list[Any]) -> bool:
    """Take what a subscription has received; whether it is anything."""
    message = listener.get_message(timeout=0.1)
    if message is not None:
        heard.append(message)
    return bool(heard)


def test_a_processor_killed_in_the_middle_costs_no_row(bench: Bench) -> None:
    """2,000 events; one of two processors is killed with SIGKILL among them and started again: one row each.

    Its partitions are idle until the group's session is over: the shortest that a broker allows.
    """
    bench.group_session_timeout_s = 6.0
    victim, other = bench.start(), bench.start()
    for process in (victim, other):
        bench.wait_until_ready(process)
    bench.produce(1000)
    wait_for(lambda: bench.metric(victim, "events_total") > 0.0, CATCH_UP_MAX_S, "the victim has written something")
    victim.kill()
    victim.wait(30)
    assert bench.rows() < 1000, "the kill came too late to hit anything"
    bench.start()
    bench.produce(1000)
    bench.assert_one_row_each()


def test_postgres_killed_in_the_middle_costs_no_row(bench: Bench) -> None:
    """SIGKILL of the primary while batches are written: the processor reconnects and every event has one row."""
    process = bench.start()
    bench.wait_until_ready(process)
    bench.produce(1000)
    wait_for(lambda: bench.metric(process, "events_total") > 0.0, CATCH_UP_MAX_S, "something is written")
    bench.hub.signal("postgres-1", signal.SIGKILL)
    bench.produce(500)
    bench.assert_one_row_each()
    assert bench.metric(process, "reconnects_total") >= 1.0
    assert process.poll() is None


def test_a_frozen_postgres_is_given_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server process that is stopped, its socket open, fails the write in time; written again, there is one row."""
    batch = Batch([Event(1, bench.topics[1], 0, 0, 3, "on", "{}")])
    database = Database(bench.dsn, KEY)
    assert database.write(batch) == 1
    with psycopg.connect(bench.dsn) as connection:
        found = connection.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'event-processor'")
        backends = {int(row[0]) for row in found}
    monkeypatch.setattr("workbench.apps.event_processor.database.ANSWER_TIMEOUT_S", 1.0)
    for backend in backends:
        os.kill(backend, signal.SIGSTOP)
    try:
        with pytest.raises(psycopg.OperationalError):
            database.write(Batch([*batch.events, Event(2, bench.topics[1], 0, 1, 3, "off", "{}")]))
    finally:
        for backend in backends:
            os.kill(backend, signal.SIGCONT)
    monkeypatch.undo()
    database.write(Batch([*batch.events, Event(2, bench.topics[1], 0, 1, 3, "off", "{}")]))
    assert bench.rows() == 2
    database.close()


def test_redis_killed_does_not_stop_rows(bench: Bench) -> None:
    """With Redis gone rows go on, offsets wait; when it is back, the newest states are there."""
    process = bench.start()
    bench.wait_until_ready(process)
    bench.produce(200)
    bench.assert_one_row_each()
    redis_server = next(status for status in bench.hub.processes() if status.name == "redis-0")
    os.kill(redis_server.process_id, signal.SIGSTOP)  # silent: every command times out
    try:
        bench.produce(200)
        wait_for(lambda: bench.rows() == 400, CATCH_UP_MAX_S, "rows while Redis is silent")
        wait_for(lambda: bench.metric(process, "state_pending") > 0.0, 30, "states are pending")
    finally:
        os.kill(redis_server.process_id, signal.SIGCONT)
    bench.assert_one_row_each()
    bench.hub.signal("redis-0", signal.SIGKILL)
    bench.produce(200)
    bench.assert_one_row_each()
    wait_for(lambda: bench.metric(process, "state_pending") == 0.0, 30, "nothing is pending any more")


def test_a_dead_coordinator_does_not_hold_up_rows(bench: Bench) -> None:
    """With the broker killed that keeps the group's offsets, what is fetched is written at once.

    A commit that waited for its answer would let one batch through at most.
    """
    process = bench.start()
    bench.wait_until_ready(process)
    coordinator = bench.hub.group_coordinator(bench.name)
    bench.produce(2000)
    wait_for(lambda: bench.metric(process, "events_total") > 0.0, CATCH_UP_MAX_S, "something is written")
    bench.hub.signal(f"kafka-{coordinator}", signal.SIGKILL)
    before = bench.rows()
    assert before < 1500, "the kill came too late to hit anything"
    wait_for(lambda: bench.rows() >= before + 400, 10, "four batches without a coordinator")
    assert coordinator in bench.hub.registered_brokers(), "the cluster noticed before the batches were written"
    wait_for(lambda: coordinator not in bench.hub.registered_brokers(), 120, "the dead broker's session is over")
    assert bench.hub.undo().verified
    bench.produce(200)
    bench.assert_one_row_each()
    assert process.poll() is None
