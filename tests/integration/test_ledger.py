"""The ledger on real servers: it agrees when all is well, and finds what was planted."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psycopg
import pytest
import redis
from confluent_kafka import KafkaError, Message, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from psycopg.conninfo import make_conninfo

from workbench import ledger
from workbench.errors import ToolFailed
from workbench.ledger import postgres_rows, redis_states
from workbench.records.folder import RunFolder, load_json
from workbench.records.writes import ANSWER_DTYPE, COMMIT_DTYPE, SEND_DTYPE, Outcome, read_rows
from workbench.target.local import LocalHub
from workbench.target.port import Endpoints
from workbench.topology.hub import HubTopology, Topic
from workbench.workload import SOURCE_SHIFT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

WRITES = 300
DEVICES = 20
PARTITIONS = 6
SOURCE = 3
REDIS_DATABASE = 6  # the hub's own processors use 0


@dataclass(frozen=True)
class Written:
    """A finished load on a topic of its own: what was logged, and where it went."""

    run: RunFolder
    endpoints: Endpoints
    topology: HubTopology

    @property
    def topic(self) -> str:
        """Return the one topic."""
        return self.topology.topics[0].name

    def check(self) -> ledger.LedgerSummary:
        """Run the whole check."""
        return ledger.check(self.run, self.endpoints, self.topology, lambda _: None)


def write_id(sequence: int) -> int:
    """Return the id of a write."""
    return (SOURCE << SOURCE_SHIFT) | sequence


def body(sequence: int, topic: str) -> bytes:
    """Return an event's body."""
    device = sequence % DEVICES
    return b'{"id":%d,"device":%d,"kind":"%s","intended_s":0.0,"state":"s%d","pad":""}' % (
        write_id(sequence),
        device,
        topic.encode(),
        sequence,
    )


def produce_and_log(bootstrap: str, topic: str, folder: Path) -> None:
    """Send WRITES events, and log every send and answer as the load generator does."""
    sends = np.zeros(WRITES, dtype=SEND_DTYPE)
    answers = np.zeros(WRITES, dtype=ANSWER_DTYPE)
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
    for sequence in range(WRITES):
        partition = sequence % DEVICES % PARTITIONS
        now_s = time.time()
        sends[sequence] = (write_id(sequence), 0, partition, now_s, now_s)

        def answered(problem: KafkaError | None, message: Message, sequence: int = sequence) -> None:
            assert problem is None
            acked_s = sends["sent_s"][sequence] + (message.latency() or 0.0)
            place = (message.partition(), message.offset(), acked_s)
            answers[sequence] = (write_id(sequence), Outcome.OK, 0, *place)

        producer.produce(topic, body(sequence, topic), partition=partition, on_delivery=answered)
    assert producer.flush(120) == 0
    (folder / f"sends-{SOURCE}.bin").write_bytes(sends.tobytes())
    (folder / f"answers-{SOURCE}.bin").write_bytes(answers.tobytes())


def start_processor(endpoints: Endpoints, topic: str, log: Path) -> subprocess.Popen[bytes]:
    """Start an event processor for one topic."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP": endpoints.kafka_bootstrap,
        "KAFKA_TOPICS": topic,
        "KAFKA_GROUP": topic,
        "POSTGRES_DSN": endpoints.postgres_dsn,
        "REDIS_URL": endpoints.redis_url,
        "ENCRYPTION_KEY": "a key of these tests alone",
        "GROUP_SESSION_TIMEOUT_S": "45",
        "BATCH_EVENTS_MAX": "100",
        "BATCH_LINGER_S": "0.05",
        "METRICS_PORT": str(port),
        "PROCESSOR_INDEX": "0",
    }
    argv = [sys.executable, "-m", "workbench.apps.event_processor"]
    with log.open("wb") as file:
        return subprocess.Popen(argv, env=environment, stderr=file, stdout=file)


@pytest.fixture
def written(hub: LocalHub, tmp_path: Path) -> Iterator[Written]:
    """Send a small load to a topic of its own and process it; rows and states have a place of their own."""
    name = f"ledger_{os.getpid()}_{time.time_ns()}"
    doors = hub.endpoints
    with psycopg.connect(doors.postgres_dsn, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    endpoints = replace(
        doors,
        postgres_dsn=make_conninfo(doors.postgres_dsn, options=f"-c search_path={name},public"),
        redis_url=f"{doors.redis_url.rsplit('/', 1)[0]}/{REDIS_DATABASE}",
    )
    with redis.Redis.from_url(endpoints.redis_url) as client:
        client.flushdb()
    admin = AdminClient({"bootstrap.servers": doors.kafka_bootstrap})
    admin.create_topics([NewTopic(name, PARTITIONS, 3)])[name].result(60)
    run = RunFolder(tmp_path / "a run")
    run.create()
    process = start_processor(endpoints, name, tmp_path / "processor.log")
    try:
        produce_and_log(doors.kafka_bootstrap, name, run.ledger)
        yield Written(run, endpoints, replace(hub.topology, topics=(Topic(name, PARTITIONS, 3, 2, {}),)))
    finally:
        process.kill()
        process.wait(30)


def wait_for_the_table(written: Written) -> None:
    """Wait until the processor has made its schema."""
    deadline_s = time.monotonic() + 120
    while True:
        with psycopg.connect(written.endpoints.postgres_dsn) as connection:
            found = connection.execute("SELECT to_regclass('events')::text").fetchone()
        if found is not None and found[0] is not None:
            return
        assert time.monotonic() < deadline_s
        time.sleep(0.1)


def test_a_write_claimed_but_never_made_is_lost(written: Written) -> None:
    """All else agrees everywhere; the one acknowledged write that never reached Kafka is found and named."""
    wait_for_the_table(written)
    planted = write_id(WRITES)
    now_s = time.time()
    with (written.run.ledger / f"sends-{SOURCE}.bin").open("ab") as file:
        file.write(np.array([(planted, 0, 1, now_s, now_s)], dtype=SEND_DTYPE).tobytes())
    with (written.run.ledger / f"answers-{SOURCE}.bin").open("ab") as file:
        file.write(np.array([(planted, Outcome.OK, 0, 1, 10_000, now_s)], dtype=ANSWER_DTYPE).tobytes())
    summary = written.check()
    assert (summary.total.planned, summary.total.ok, summary.total.lost) == (WRITES + 1, WRITES + 1, 1)
    assert summary.examples["lost"] == [planted]
    assert sum(len(ids) for ids in summary.examples.values()) == 1
    assert (summary.kafka.records_read, summary.kafka.read_twice_equal) == (WRITES, True)
    assert (summary.postgres.rows, summary.postgres.missing, summary.postgres.doubled) == (WRITES, 0, 0)
    assert (summary.redis.devices, summary.redis.wrong) == (DEVICES, 0)
    assert load_json(written.run.ledger / "summary.json") == summary.to_json()
    commits = read_rows([written.run.ledger / "commits.bin"], COMMIT_DTYPE)
    assert len(commits) == WRITES
    table = ledger.write_table(written.run.ledger, written.topology, now_s)
    done = ~np.isnan(table.committed_s)
    assert done.sum() == WRITES
    assert (table.committed_s[done] > table.intended_s[done]).all()  # one machine, one clock
    assert (table.committed_s[done] < 300.0).all()


def test_everything_else_that_can_be_wrong_is_found(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second copy, a record nobody logged, a row taken away, an old state, a record that is no event."""
    wait_for_the_table(written)
    written.check()  # waits until all is written
    producer = Producer({"bootstrap.servers": written.endpoints.kafka_bootstrap})
    producer.produce(written.topic, body(5, written.topic), partition=5)
    producer.produce(written.topic, body(WRITES + 7, written.topic), partition=3)
    producer.produce(written.topic, b"no event", partition=0)
    assert producer.flush(60) == 0
    written.check()
    with psycopg.connect(written.endpoints.postgres_dsn) as connection:
        connection.execute("DELETE FROM events WHERE id = %s", (write_id(100),))
    with redis.Redis.from_url(written.endpoints.redis_url) as client:
        client.hset("device:9", f"{written.topic}/3", f"1 {write_id(9)} old")
    monkeypatch.setattr(postgres_rows, "STALL_S", 3.0)
    monkeypatch.setattr(redis_states, "SETTLE_S", 1.0)
    summary = written.check()
    assert summary.examples["duplicated"] == [write_id(5)]
    assert summary.examples["unlisted"] == [write_id(WRITES + 7)]
    assert summary.examples["missing_in_postgres"] == [write_id(100)]
    assert summary.examples["redis_wrong"] == [write_id(289)]
    assert (summary.kafka.malformed, summary.postgres.missing, summary.redis.wrong) == (1, 1, 1)
    assert (summary.total.lost, summary.total.diverged, summary.total.reordered) == (0, 0, 0)


def test_an_unreachable_hub_is_a_tool_error(hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger says which server did not answer, within a bound."""
    monkeypatch.setattr("workbench.ledger.kafka_records.ANSWER_TIMEOUT_S", 2.0)
    run = RunFolder(tmp_path)
    run.create()
    nowhere = replace(hub.endpoints, kafka_bootstrap="127.0.0.1:1")
    with pytest.raises(ToolFailed, match="Kafka"):
        ledger.check(run, nowhere, hub.topology, lambda _: None)
