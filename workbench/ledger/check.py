"""The check of a run, after the recovery and while the servers are still up."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import numpy as np

from workbench.ledger.before import FRESH, Before
from workbench.ledger.fates import Writes, contains, distinct, event_ids, join_log, judge, unlisted_ids
from workbench.ledger.kafka_records import NO_EVENT, KafkaRecords, read_kafka
from workbench.ledger.postgres_rows import read_commits, wait_for_rows
from workbench.ledger.redis_states import States, WrongStates, check_states, expected_states
from workbench.ledger.summary import KafkaBooks, LedgerSummary, PostgresBooks, RedisBooks, check_books, examples, tally
from workbench.metrics.tables import IntArray
from workbench.records.folder import RunFolder, dump_json
from workbench.records.writes import read_log
from workbench.topology.hub import HubTopology

KAFKA_TIMEOUT_S: Final = 300.0  # a read of a million records takes seconds
COMMITS_FILE: Final = "commits.bin"
SUMMARY_FILE: Final = "summary.json"


class Doors(Protocol):
    """Where the servers answer (a target's endpoints)."""

    @property
    def kafka_reader(self) -> Mapping[str, str]:
        """Return what a reading Kafka client needs, by librdkafka's names."""

    @property
    def postgres_dsn(self) -> str:
        """Return the primary's connection string."""

    @property
    def redis_url(self) -> str:
        """Return Redis's address."""


def check(
    run: RunFolder,
    endpoints: Doors,
    topology: HubTopology,
    progress: Callable[[str], None],
    before: Before = FRESH,
) -> LedgerSummary:
    """Find out every write's fate; write ledger/commits.bin and ledger/summary.json.

    Reads Kafka from where the run began to its end, waits until the event processors have caught up with it or
    stand still, reads Postgres and Redis back, and reads Kafka again. The load must have ended. Raises ToolFailed when
    a server does not answer in time or the books do not balance.
    """
    writes = join_log(*read_log(run.ledger))
    partitions = {topic.name: topic.partitions for topic in topology.topics}
    topics = sorted(partitions)
    progress(f"reading {len(writes.id)} writes back from Kafka")
    began_s = time.monotonic()
    records = read_kafka(endpoints.kafka_reader, partitions, KAFKA_TIMEOUT_S, before.offsets)
    kafka_s = time.monotonic() - began_s
    wait_for_rows(endpoints.postgres_dsn, topics, before.rows + len(event_ids(records)), progress)
    progress("reading Postgres and Redis back")
    commits = read_commits(endpoints.postgres_dsn, run.ledger / COMMITS_FILE, before.since_s)
    row_ids = np.sort(commits["id"])
    expected = expected_states(records, contains(row_ids, records.id))
    states = check_states(endpoints.redis_url, topics, expected, others=before.rows > 0)
    progress("reading Kafka a second time")
    began_s = time.monotonic()
    equal = records.same(read_kafka(endpoints.kafka_reader, partitions, KAFKA_TIMEOUT_S, before.offsets))
    kafka_s += time.monotonic() - began_s
    summary = summarize(writes, records, row_ids, states, topics, (equal, kafka_s))
    (run.ledger / SUMMARY_FILE).write_bytes(dump_json(summary.to_json()))
    return summary


def summarize(
    writes: Writes,
    records: KafkaRecords,
    row_ids: IntArray,
    states: tuple[States, WrongStates],
    topics: list[str],
    second_read: tuple[bool, float],
) -> LedgerSummary:
    """Return the summary of what was read: `row_ids` sorted, `second_read` equal or not and seconds of both reads.

    Raises ToolFailed when the books do not balance.
    """
    fates = judge(writes, records, row_ids)
    found, wrong = states
    events = event_ids(records)
    unlisted = unlisted_ids(writes, records)
    devices = ~writes.canary
    summary = LedgerSummary(
        total=tally(writes, fates, wrong.id, devices),
        per_topic={
            name: tally(writes, fates, wrong.id, devices & (writes.topic == index)) for index, name in enumerate(topics)
        },
        canary=tally(writes, fates, wrong.id, writes.canary),
        kafka=KafkaBooks(
            len(records),
            second_read[0],
            round(second_read[1], 3),
            int(np.count_nonzero(records.id == NO_EVENT)),
            len(unlisted),
        ),
        postgres=PostgresBooks(
            len(row_ids),
            int(np.count_nonzero(~contains(row_ids, events))),
            len(row_ids) - len(distinct(row_ids)),
            int(np.count_nonzero(~contains(events, row_ids))),
        ),
        redis=RedisBooks(found.devices(), len(wrong)),
        examples=examples(writes, fates, wrong.id, unlisted),
    )
    check_books(summary, len(writes.id))
    return summary
