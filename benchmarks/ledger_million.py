"""How long the ledger takes for a million writes, and how many bytes a write it keeps.

    python benchmarks/ledger_million.py                 the join, on write logs made up here
    python benchmarks/ledger_million.py --hub HUB       the whole check against the servers of a running hub

With --hub the writes go to a topic of their own, which the hub's event processors do not read, and their rows
and states are put into Postgres and Redis directly: what is measured is the check, not the processors. Use a
hub without load, and once: the topic, the rows and the states stay in it.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psycopg
import redis
from confluent_kafka import KafkaError, Message, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from workbench import ledger
from workbench.ledger.check import COMMITS_FILE, Doors, summarize
from workbench.ledger.fates import join_log
from workbench.ledger.kafka_records import KafkaRecords
from workbench.ledger.redis_states import compare_states, expected_states
from workbench.records.folder import RunFolder
from workbench.records.writes import ANSWER_DTYPE, COMMIT_DTYPE, SEND_DTYPE, Outcome, Rows, read_log
from workbench.target.local import attach
from workbench.topology.hub import HubTopology, Topic
from workbench.workload import SOURCE_SHIFT

TIME_MAX_S = 60.0
BYTES_A_WRITE_MAX = 200.0
SOURCES = 2
DEVICES = 500
PARTITIONS = 6
EVENT_BYTES = 256
TOPIC = "ledger-million"


def main() -> int:
    """Measure, print a table and return 0 if both bounds hold."""
    parser = argparse.ArgumentParser(description="Measure the ledger on many writes.")
    parser.add_argument("--writes", type=int, default=1_000_000)
    parser.add_argument("--hub", help="id or directory of a running hub without load")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ledger million ") as folder:
        run = RunFolder(Path(folder))
        run.create()
        if arguments.hub is None:
            seconds = measure_join(run, arguments.writes)
        else:
            hub = attach(arguments.hub)
            seconds = measure_check(run, hub.endpoints, hub.topology, arguments.writes)
        bytes_a_write = sum(path.stat().st_size for path in run.ledger.glob("*.bin")) / arguments.writes
    total_s = sum(seconds.values())
    for name, value in {**seconds, "in all": total_s}.items():
        print(f"{name:<28} {value:8.2f} s")
    print(f"{'kept on disk':<28} {bytes_a_write:8.1f} B a write")
    return 0 if total_s < TIME_MAX_S and bytes_a_write <= BYTES_A_WRITE_MAX else 1


def write_logs(run: RunFolder, writes: int) -> tuple[Rows, Rows]:
    """Write SOURCES producers' logs of acknowledged writes; return all sends and answers."""
    all_sends, all_answers = [], []
    following = np.zeros(PARTITIONS, dtype=np.int64)
    for source in range(1, SOURCES + 1):
        count = writes // SOURCES + (writes % SOURCES if source == 1 else 0)
        sequence = np.arange(count)
        sends = np.zeros(count, dtype=SEND_DTYPE)
        sends["id"] = (source << SOURCE_SHIFT) | sequence
        sends["partition"] = sequence % DEVICES % PARTITIONS
        sends["intended_s"] = sends["sent_s"] = 1.7e9 + sequence * 1e-3
        answers = np.zeros(count, dtype=ANSWER_DTYPE)
        answers["id"], answers["partition"] = sends["id"], sends["partition"]
        answers["outcome"], answers["acked_s"] = Outcome.OK, sends["sent_s"] + 0.005
        for partition in range(PARTITIONS):
            own = np.flatnonzero(sends["partition"] == partition)
            answers["offset"][own] = following[partition] + np.arange(len(own))
            following[partition] += len(own)
        (run.ledger / f"sends-{source}.bin").write_bytes(sends.tobytes())
        (run.ledger / f"answers-{source}.bin").write_bytes(answers.tobytes())
        all_sends.append(sends)
        all_answers.append(answers)
    return np.concatenate(all_sends), np.concatenate(all_answers)


def measure_join(run: RunFolder, writes: int) -> dict[str, float]:
    """Return the seconds of each step of the ledger that needs no server."""
    sends, answers = write_logs(run, writes)
    sequence = sends["id"] & ((1 << SOURCE_SHIFT) - 1)
    shuffled = np.random.default_rng(1).permutation(writes)  # the order in which Kafka is read is not the log's
    records = KafkaRecords(
        *(
            np.asarray(column, dtype=np.int64)[shuffled]
            for column in (
                sends["id"],
                sequence % DEVICES,
                np.zeros(writes),
                answers["partition"],
                answers["offset"],
                sequence,
            )
        )
    )
    commits = np.zeros(writes, dtype=COMMIT_DTYPE)
    commits["id"], commits["committed_s"] = sends["id"], sends["sent_s"] + 0.1
    (run.ledger / COMMITS_FILE).write_bytes(commits.tobytes())
    seconds: dict[str, float] = {}
    log = timed(seconds, "join log", lambda: join_log(*read_log(run.ledger)))
    expected = timed(seconds, "newest states", lambda: expected_states(records, np.ones(writes, dtype=np.bool_)))
    states = (expected, compare_states(expected, expected))
    row_ids = np.sort(commits["id"])
    summary = timed(seconds, "fates and counts", lambda: summarize(log, records, row_ids, states, [TOPIC], (True, 0.0)))
    if summary.total.ok != writes or summary.total.lost or summary.total.reordered or summary.total.diverged:
        raise SystemExit(f"the join is wrong: {summary.total}")
    return seconds


def measure_check(run: RunFolder, doors: Doors, topology: HubTopology, writes: int) -> dict[str, float]:
    """Fill the servers, then return the seconds of the whole check and of the write table."""
    sends, _ = write_logs(run, writes)
    answers, values = produce(doors.kafka_bootstrap, topology, sends)
    for source in range(1, SOURCES + 1):
        own = answers[answers["id"] >> SOURCE_SHIFT == source]
        (run.ledger / f"answers-{source}.bin").write_bytes(own.tobytes())
    fill(doors, answers, values)
    topic = Topic(TOPIC, PARTITIONS, len(topology.kafka.broker_ids), 1, {})
    only = dataclasses.replace(topology, topics=(topic,))
    seconds: dict[str, float] = {}
    summary = timed(seconds, "check", lambda: ledger.check(run, doors, only, lambda text: print(text)))
    timed(seconds, "write table", lambda: ledger.write_table(run.ledger, only, 1.7e9))
    if summary.total.ok != writes or summary.total.lost or summary.postgres.missing or summary.redis.wrong:
        raise SystemExit(f"the check is wrong: {summary}")
    return seconds


def produce(bootstrap: str, topology: HubTopology, sends: Rows) -> tuple[Rows, list[bytes]]:
    """Send every write to TOPIC and return the answers and the bodies, in the order of `sends`."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(TOPIC, PARTITIONS, len(topology.kafka.broker_ids))])[TOPIC].result(60)
    producer = Producer(
        {"bootstrap.servers": bootstrap, "enable.idempotence": True, "queue.buffering.max.messages": 1_000_000}
    )
    answers = np.zeros(len(sends), dtype=ANSWER_DTYPE)
    answers["id"], answers["partition"] = sends["id"], sends["partition"]
    offsets = np.full(len(sends), -1, dtype=np.int64)
    values = []

    def answered(index: int) -> Callable[[KafkaError | None, Message], None]:
        def note(problem: KafkaError | None, message: Message) -> None:
            offsets[index] = -1 if problem else message.offset()

        return note

    for index, row in enumerate(sends):
        identity = int(row["id"])
        device = (identity & ((1 << SOURCE_SHIFT) - 1)) % DEVICES
        head = f'{{"id":{identity},"device":{device},"kind":"{TOPIC}","intended_s":0.0,"state":"s","pad":"'
        value = (head + "x" * (EVENT_BYTES - len(head) - 2) + '"}').encode()
        values.append(value)
        while len(producer) > 500_000:
            producer.poll(0.1)
        producer.produce(TOPIC, value, partition=int(row["partition"]), on_delivery=answered(index))
        producer.poll(0)
    producer.flush(120)
    answers["offset"], answers["outcome"], answers["acked_s"] = offsets, Outcome.OK, time.time()
    return answers, values


def fill(doors: Doors, answers: Rows, values: list[bytes]) -> None:
    """Put the rows into Postgres and the newest states into Redis, as the processors would."""
    states: dict[tuple[int, int], tuple[int, int]] = {}
    columns = "id, topic, kafka_partition, kafka_offset, device, body"
    with (
        psycopg.connect(doors.postgres_dsn) as connection,
        connection.cursor() as cursor,
        cursor.copy(f"COPY events ({columns}) FROM STDIN") as copy,
    ):
        for row, value in zip(answers, values, strict=True):
            identity, partition, offset = int(row["id"]), int(row["partition"]), int(row["offset"])
            device = (identity & ((1 << SOURCE_SHIFT) - 1)) % DEVICES
            copy.write_row((identity, TOPIC, partition, offset, device, value))
            states[device, partition] = max(states.get((device, partition), (-1, 0)), (offset, identity))
    pipeline = redis.Redis.from_url(doors.redis_url).pipeline(transaction=False)
    for (device, partition), (offset, identity) in states.items():
        pipeline.hset(f"device:{device}", f"{TOPIC}/{partition}", f"{offset} {identity} s")
    pipeline.execute()


def timed[T](seconds: dict[str, float], name: str, work: Callable[[], T]) -> T:
    """Do `work` and note its duration."""
    began_s = time.perf_counter()
    result = work()
    seconds[name] = time.perf_counter() - began_s
    return result


if __name__ == "__main__":
    sys.exit(main())
