"""For information: produce, disk, commits, encryption and the event processors, on a hub that is whole."""

from __future__ import annotations

import os
import threading
import time
from typing import Any, Final

import psycopg
from confluent_kafka import Producer

from workbench.calibrate.bench import Bench
from workbench.calibrate.brokers import PARTITIONS, TOPIC
from workbench.calibrate.catalogue import CLIENTS
from workbench.calibrate.stores import connect
from workbench.errors import ToolFailed
from workbench.load.bodies import BodyMaker
from workbench.observe.processors import scrape

RECORDS: Final = 300
WARM_UP: Final = 50  # first of them, not kept: connections, metadata, code that is not compiled yet
ANSWER_S: Final = 30.0
EVENT_BYTES: Final = 400
SYNCS: Final = 200
BLOCK_BYTES: Final = 4096
COMMITS: Final = 150  # a connection
COMMIT_JOIN_S: Final = 60.0
ENCRYPTED_ROWS: Final = 500
STATEMENTS: Final = 6
BURSTS: Final = 3
BURST_EVENTS: Final = 6000
DEVICES: Final = 500
DRAIN_S: Final = 90.0


def produce(bench: Bench) -> None:
    """Time one record after another, acknowledged by all in-sync replicas and by the leader alone."""
    payload = os.urandom(EVENT_BYTES)
    for name, acks in (("produce_acks_all_s", "all"), ("produce_acks_1_s", "1")):
        settings = {**bench.hub.endpoints.kafka_client, "acks": acks, "linger.ms": 0}
        producer = Producer({**settings, "log_level": 0})
        for number in range(WARM_UP + RECORDS):
            took_s = _round_trip(producer, payload, number % PARTITIONS)
            if number >= WARM_UP:
                bench.note(name, took_s)


def _round_trip(producer: Producer, payload: bytes, partition: int) -> float:
    answers: list[tuple[Any, float]] = []
    began_s = time.perf_counter()
    producer.produce(
        TOPIC, payload, partition=partition, on_delivery=lambda error, _: answers.append((error, time.perf_counter()))
    )
    producer.flush(ANSWER_S)
    if not answers or answers[0][0] is not None:
        raise ToolFailed(f"a record was not acknowledged: {answers}")
    return answers[0][1] - began_s


def fdatasync(bench: Bench) -> None:
    """Time fdatasync after each append to a file on the hub's disk."""
    block = os.urandom(BLOCK_BYTES)
    path = bench.hub.directory / "tmp" / "calibration"
    with path.open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            file.write(block)
            began_s = time.perf_counter()
            os.fdatasync(file.fileno())
            bench.note("fdatasync_s", time.perf_counter() - began_s)
    path.unlink()


def commits(bench: Bench) -> None:
    """Time transactions of one row, over 1, 2, 4 and 8 connections at once."""
    with connect(bench) as primary:
        primary.execute("CREATE TABLE IF NOT EXISTS calibration_commits (id bigserial PRIMARY KEY, body bytea)")
    for count in CLIENTS:
        taken: list[list[float]] = [[] for _ in range(count)]
        threads = [threading.Thread(target=_commit, args=(bench, each), daemon=True) for each in taken]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(COMMIT_JOIN_S)
        if any(len(each) < COMMITS for each in taken):
            raise ToolFailed(f"not all of {count} connections committed {COMMITS} rows")
        for value in (value for each in taken for value in each):
            bench.note(f"commit_{count}_s", value)


def _commit(bench: Bench, taken: list[float]) -> None:
    body = os.urandom(EVENT_BYTES)
    with connect(bench) as primary:
        for _ in range(COMMITS):
            began_s = time.perf_counter()
            primary.execute("INSERT INTO calibration_commits (body) VALUES (%b)", (body,))
            taken.append(time.perf_counter() - began_s)


def pgcrypto(bench: Bench) -> None:
    """Time one statement that encrypts rows, less the same without."""
    rows = "(SELECT repeat(md5(i::text), 12) AS body FROM generate_series(1, %s) AS i) AS rows"
    plain = f"SELECT sum(length(body)) FROM {rows}"
    encrypted = f"SELECT sum(length(pgp_sym_encrypt(body, 'key', 'cipher-algo=aes256'))) FROM {rows}"
    with connect(bench) as primary:
        for _ in bench.rounds(STATEMENTS):
            took_s = _statement(primary, encrypted) - _statement(primary, plain)
            bench.note("pgcrypto_row_s", took_s / ENCRYPTED_ROWS)


def _statement(primary: psycopg.Connection[Any], text: str) -> float:
    began_s = time.perf_counter()
    primary.execute(text, (ENCRYPTED_ROWS,))
    return time.perf_counter() - began_s


def bursts(bench: Bench) -> None:
    """Send bursts of events to the hub's own topics and read the processors' counters when all are committed."""
    topics = [topic.name for topic in bench.hub.topology.topics]
    places = [
        (index, each) for index, topic in enumerate(bench.hub.topology.topics) for each in range(topic.partitions)
    ]
    bodies = BodyMaker(topics, EVENT_BYTES)
    producer = Producer({**bench.hub.endpoints.kafka_client, "acks": "all", "log_level": 0})
    for number in bench.rounds(BURSTS):
        before = _counters(bench)
        for event in range(number * BURST_EVENTS, (number + 1) * BURST_EVENTS):
            topic, partition = places[event % len(places)]
            body = bodies.body(topic, event, event % DEVICES, time.time())
            producer.produce(topics[topic], body, key=b"%d" % (event % DEVICES), partition=partition)
        if producer.flush(ANSWER_S):
            raise ToolFailed("a burst was not acknowledged")
        _committed(bench, before["events"] + BURST_EVENTS)
        after = _counters(bench)
        bench.note(
            "processor_event_s",
            (after["batch_total_s"] - before["batch_total_s"]) / (after["events"] - before["events"]),
        )


def _committed(bench: Bench, events: float) -> None:
    bench.until(lambda: _counters(bench)["events"] >= events, "the burst is committed", DRAIN_S, 0.1)


def _counters(bench: Bench) -> dict[str, float]:
    each = [scrape(url) for url in bench.hub.endpoints.processor_metrics]
    return {key: sum(values.get(key, 0.0) for values in each) for key in ("events", "batch_total_s")}
