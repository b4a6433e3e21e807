"""The ledger's joins: every kind of fate, planted one at a time, and books that must balance."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import ToolFailed
from workbench.ledger.check import summarize
from workbench.ledger.fates import join_log
from workbench.ledger.kafka_records import NO_EVENT, KafkaRecords, from_columns, identify
from workbench.ledger.redis_states import States, compare_states, expected_states
from workbench.ledger.summary import LedgerSummary, check_books
from workbench.ledger.table import write_table
from workbench.records.writes import ANSWER_DTYPE, COMMIT_DTYPE, SEND_DTYPE, Outcome
from workbench.topology.hub import HubTopology
from workbench.workload import SOURCE_SHIFT

TOPICS = ["alerts", "sdc-events"]
DEVICES = 5


def write_id(source: int, sequence: int) -> int:
    """Return an event's id."""
    return (source << SOURCE_SHIFT) | sequence


@dataclass
class Hub:
    """What producers logged and what servers hold, of ten writes a source that all went well."""

    sends: list[tuple[Any, ...]] = field(default_factory=list)
    answers: list[tuple[Any, ...]] = field(default_factory=list)
    records: list[tuple[int, ...]] = field(default_factory=list)  # id, device, topic, partition, offset, checksum
    rows: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        following: dict[tuple[int, int], int] = {}
        for sequence in range(10):
            for source in (0, 1, 2):
                topic, device = sequence % 2, sequence % DEVICES
                partition = device % 3
                offset = following.get((topic, partition), 0)
                following[topic, partition] = offset + 1
                identity, sent_s = write_id(source, sequence), 1000.0 + sequence
                self.sends.append((identity, topic, partition, sent_s, sent_s))
                self.answers.append((identity, Outcome.OK, 0, partition, offset, sent_s + 0.5))
                self.records.append((identity, device, topic, partition, offset, identity))
                self.rows.add(identity)

    def answer(self, identity: int, **changes: Any) -> None:
        """Change what the producer was told of a write."""
        index = next(index for index, answer in enumerate(self.answers) if answer[0] == identity)
        named = dict(zip(cast(Any, ANSWER_DTYPE.names), self.answers[index], strict=True)) | changes
        self.answers[index] = tuple(named.values())

    def drop_record(self, identity: int) -> None:
        """Take a write out of Kafka and Postgres."""
        self.records = [record for record in self.records if record[0] != identity]
        self.rows.discard(identity)

    def read(self) -> KafkaRecords:
        """Return one read of Kafka."""
        return from_columns(array("q", [number for record in self.records for number in record]))

    def summary(self, states: States | None = None) -> LedgerSummary:
        """Return the ledger's summary; Redis agrees unless `states` are given."""
        records = self.read()
        rows = np.array(sorted(self.rows), dtype=np.int64)
        expected = expected_states(records, np.isin(records.id, rows))
        found = expected if states is None else states
        return summarize(
            join_log(np.array(self.sends, SEND_DTYPE), np.array(self.answers, ANSWER_DTYPE)),
            records,
            rows,
            (found, compare_states(expected, found)),
            TOPICS,
            (True, 1.0),
        )


def test_a_run_without_trouble_has_nothing_to_report() -> None:
    """All acknowledged, all there, everywhere; devices and canary apart."""
    summary = Hub().summary()
    assert (summary.total.planned, summary.total.ok, summary.canary.ok) == (20, 20, 10)
    assert not any(summary.examples.values())
    assert summary.counts() == replace(summary.counts(), acknowledged_lost=0, duplicated=0, unknown=0, reordered=0)
    assert (summary.kafka.unlisted, summary.postgres.missing, summary.redis.wrong) == (0, 0, 0)
    assert sum(tally.planned for tally in summary.per_topic.values()) == 20


def test_a_single_lost_record_is_found() -> None:
    """One acknowledged id missing from Kafka's read is one lost write, named, in its topic."""
    hub = Hub()
    hub.drop_record(write_id(2, 3))
    summary = hub.summary()
    assert (summary.total.lost, summary.per_topic["sdc-events"].lost, summary.per_topic["alerts"].lost) == (1, 1, 0)
    assert summary.examples["lost"] == [write_id(2, 3)]
    assert summary.counts().acknowledged_lost == 1


def test_a_lost_write_of_the_canary_is_lost_too() -> None:
    """It is kept apart from the devices' but counted by the metric."""
    hub = Hub()
    hub.drop_record(write_id(0, 3))
    summary = hub.summary()
    assert (summary.total.lost, summary.canary.lost, summary.counts().acknowledged_lost) == (0, 1, 1)


def test_a_second_copy_is_a_duplicate_and_no_divergence() -> None:
    """The id stands at two offsets, one of them as told."""
    hub = Hub()
    hub.records.append((write_id(1, 4), 4, 0, 1, 900, write_id(1, 4)))
    summary = hub.summary()
    assert (summary.total.duplicated, summary.total.diverged, summary.total.reordered) == (1, 0, 0)
    assert summary.examples["duplicated"] == [write_id(1, 4)]


def test_another_offset_than_told_is_a_divergence() -> None:
    """The producer was told an offset where its write is not."""
    hub = Hub()
    hub.answer(write_id(1, 4), offset=901)
    summary = hub.summary()
    assert (summary.total.diverged, summary.total.lost) == (1, 0)


@pytest.mark.parametrize(
    ("outcome", "name"), [(Outcome.UNKNOWN, "unknown_but_there"), (Outcome.FAILED, "failed_but_there")]
)
def test_a_write_that_is_there_without_an_acknowledgement(outcome: Outcome, name: str) -> None:
    """Unknown writes may be there; failed ones must not be."""
    hub = Hub()
    hub.answer(write_id(1, 4), outcome=outcome, offset=-1, acked_s=np.nan)
    summary = hub.summary()
    assert getattr(summary.total, name) == 1
    assert summary.examples[name] == [write_id(1, 4)]
    assert summary.total.lost == 0


def test_a_write_without_an_answer_is_unknown() -> None:
    """A producer that died leaves sends without answers."""
    hub = Hub()
    hub.answers = [answer for answer in hub.answers if answer[0] != write_id(1, 4)]
    hub.drop_record(write_id(1, 4))
    summary = hub.summary()
    assert (summary.total.unknown, summary.total.unknown_but_there, summary.total.lost) == (1, 0, 0)


def test_writes_never_tried_are_planned_and_not_sent() -> None:
    """With or without a row among the sends they are planned; planned = sent + not sent."""
    hub = Hub()
    hub.drop_record(write_id(1, 4))
    hub.answer(write_id(1, 4), outcome=Outcome.NOT_SENT, offset=-1, acked_s=np.nan)
    hub.answers.append((write_id(1, 10), Outcome.NOT_SENT, 0, 0, -1, np.nan))
    summary = hub.summary()
    assert (summary.total.planned, summary.total.sent, summary.total.not_sent) == (21, 19, 2)


def test_an_overtaken_write_is_reordered() -> None:
    """Two writes of one device in one partition stand in the other order than they were sent."""
    hub = Hub()
    first, second = write_id(1, 0), write_id(1, 2)  # made the same device's by the swap below
    records = {record[0]: record for record in hub.records}
    device, topic, partition = records[first][1:4]
    hub.records = [record for record in hub.records if record[0] not in (first, second)]
    hub.records += [(second, device, topic, partition, 800, 0), (first, device, topic, partition, 801, 0)]
    hub.answer(first, offset=801)
    hub.answer(second, offset=800, partition=partition)
    assert hub.summary().examples["reordered"] == [first]


def test_different_devices_order_nothing() -> None:
    """The same swap between two devices of one partition is no reordering."""
    hub = Hub()
    first, second = write_id(1, 0), write_id(1, 2)
    hub.records = [record for record in hub.records if record[0] not in (first, second)]
    hub.records += [(second, 4, 0, 0, 800, 0), (first, 0, 0, 0, 801, 0)]
    hub.answer(first, offset=801)
    hub.answer(second, offset=800, partition=0)
    assert hub.summary().total.reordered == 0


def test_a_missing_row_is_found() -> None:
    """In Kafka, but not in Postgres: for a write of the log and for one it does not hold."""
    hub = Hub()
    hub.rows.discard(write_id(1, 4))
    hub.records.append((write_id(9, 1), 0, 0, 0, 700, 0))
    summary = hub.summary()
    assert (summary.total.missing_in_postgres, summary.postgres.missing, summary.kafka.unlisted) == (1, 2, 1)


def test_records_that_are_no_events_are_counted_and_left_alone() -> None:
    """A malformed record is neither a loss nor a missing row."""
    hub = Hub()
    hub.records.append((NO_EVENT, NO_EVENT, 0, 0, 700, 0))
    summary = hub.summary()
    assert (summary.kafka.malformed, summary.postgres.missing, summary.kafka.unlisted) == (1, 0, 0)


def test_an_old_and_a_missing_state_are_wrong() -> None:
    """Redis must show the newest event of each device, topic and partition."""
    hub = Hub()
    records = hub.read()
    expected = expected_states(records, np.ones(len(records), dtype=np.bool_))
    stale = expected.id.copy()
    stale[0] = write_id(1, 0)
    assert hub.summary(States(expected.key, stale)).redis.wrong == 1
    assert hub.summary(States(expected.key[1:], expected.id[1:])).redis.wrong == 1
    assert hub.summary(States(np.empty(0, np.int64), np.empty(0, np.int64))).redis.wrong == len(expected.key)


def test_two_reads_are_compared_body_by_body() -> None:
    """Another body in the same place makes two reads differ."""
    hub = Hub()
    before = hub.read()
    hub.records[3] = (*hub.records[3][:5], 12345)
    assert before.same(Hub().read())
    assert not before.same(hub.read())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b'{"id":1099511627777,"device":12,"kind":"alerts"}', (1099511627777, 12)),
        (b'{"id": 5, "device": 6, "kind": "alerts"}', (5, 6)),
        (b'{"device":6,"id":5,"kind":"a"}', (5, 6)),
        (b'{"no":5,"device":6,"kind":"a"}', (NO_EVENT, NO_EVENT)),
        (b'{"id":5,"device":"6","kind":"a"}', (NO_EVENT, NO_EVENT)),
        (b"", (NO_EVENT, NO_EVENT)),
        (b"a,b,c", (NO_EVENT, NO_EVENT)),
    ],
)
def test_bodies_are_identified(value: bytes, expected: tuple[int, int]) -> None:
    """The hub's own form at once, any other JSON by parsing, anything else as no event."""
    assert identify(value) == expected


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**31 - 1), st.text(max_size=20))
def test_any_event_is_identified(number: int, device: int, text: str) -> None:
    """Whatever stands behind id and device."""
    assert identify(orjson.dumps({"id": number, "device": device, "kind": text})) == (number, device)


def test_a_log_that_contradicts_itself_is_refused() -> None:
    """An id twice, an answer twice, an answer to nothing."""
    hub = Hub()
    sends, answers = np.array(hub.sends, SEND_DTYPE), np.array(hub.answers, ANSWER_DTYPE)
    for wrong_sends, wrong_answers, words in (
        (np.append(sends, sends[:1]), answers, "writes twice"),
        (sends, np.append(answers, answers[:1]), "answers twice"),
        (sends[1:], answers, "does not hold"),
    ):
        with pytest.raises(ToolFailed, match=words):
            join_log(wrong_sends, wrong_answers)


def test_books_that_do_not_balance_are_refused() -> None:
    """A count off by one is an error, not a footnote."""
    summary = Hub().summary()
    with pytest.raises(ToolFailed, match="balance"):
        check_books(replace(summary, total=replace(summary.total, ok=19)), 30)
    with pytest.raises(ToolFailed, match="31 writes"):
        check_books(summary, 31)


@settings(max_examples=50, deadline=None)
@given(
    st.sets(st.tuples(st.integers(1, 2), st.integers(0, 9))), st.sets(st.tuples(st.integers(1, 2), st.integers(0, 9)))
)
def test_any_loss_and_any_silence_balance(lost: set[tuple[int, int]], silent: set[tuple[int, int]]) -> None:
    """Lost counts exactly the acknowledged writes that were taken out, whatever else went unanswered."""
    hub = Hub()
    for source, sequence in lost:
        hub.drop_record(write_id(source, sequence))
    for source, sequence in silent:
        hub.answer(write_id(source, sequence), outcome=Outcome.UNKNOWN, offset=-1, acked_s=np.nan)
    summary = hub.summary()
    assert summary.total.lost == len(lost - silent)
    assert summary.total.unknown_but_there == len(silent - lost)
    assert summary.total.unknown == len(silent)


def test_the_summary_has_the_agreed_form() -> None:
    """Devices' totals at the top, per topic, canary, servers, examples."""
    content = Hub().summary().to_json()
    assert {"planned", "sent", "not_sent", "ok", "failed", "unknown", "lost", "per_topic", "canary"} <= set(content)
    assert {"kafka", "postgres", "redis", "examples", "format"} <= set(content)
    assert set(content["per_topic"]) == set(TOPICS)
    assert {"lost", "duplicated", "unknown_but_there", "failed_but_there", "reordered"} <= set(content["canary"])
    orjson.dumps(content)


def write_files(folder: Path, hub: Hub) -> None:
    """Write a hub's log and commits as a run folder's ledger holds them."""
    sends, answers = np.array(hub.sends, SEND_DTYPE), np.array(hub.answers, ANSWER_DTYPE)
    for source in (0, 1, 2):
        for name, rows in (("sends", sends), ("answers", answers)):
            own = rows[rows["id"] >> SOURCE_SHIFT == source]
            (folder / f"{name}-{source}.bin").write_bytes(own.tobytes() + b"cut")
    commits = np.array([(identity, 1100.0) for identity in sorted(hub.rows)], COMMIT_DTYPE)
    (folder / "commits.bin").write_bytes(commits.tobytes())


@pytest.fixture
def topology() -> HubTopology:
    """Return what the table needs of a topology: two topics of three partitions."""
    topics = [SimpleNamespace(name=name, partitions=3) for name in TOPICS]
    return cast(HubTopology, SimpleNamespace(topics=topics, flat_partition=lambda topic, index: 3 * topic + index))


def test_the_write_table_joins_sends_answers_and_commits(tmp_path: Path, topology: HubTopology) -> None:
    """Times relative to the fault; NaN where never; not-sent writes left out; cut rows at a file's end ignored."""
    hub = Hub()
    hub.answer(write_id(1, 4), outcome=Outcome.FAILED, offset=-1, acked_s=1004.9)
    hub.rows.discard(write_id(1, 5))
    hub.answer(write_id(2, 7), outcome=Outcome.NOT_SENT, offset=-1, acked_s=np.nan)
    hub.answers.append((write_id(2, 99), Outcome.NOT_SENT, 0, 0, -1, np.nan))
    write_files(tmp_path, hub)
    table = write_table(tmp_path, topology, 1005.0)
    row = {int(identity): index for index, identity in enumerate(table.id)}
    assert len(row) == 29
    assert write_id(2, 7) not in row
    fine = row[write_id(1, 3)]
    assert (table.intended_s[fine], table.acked_s[fine], table.committed_s[fine]) == (-2.0, -1.5, 95.0)
    assert table.partition[fine] == 3 + 3 % 5 % 3
    assert np.isnan(table.acked_s[row[write_id(1, 4)]])
    assert np.isnan(table.committed_s[row[write_id(1, 5)]])
    assert table.canary.sum() == 10


def test_the_write_table_works_without_commits(tmp_path: Path, topology: HubTopology) -> None:
    """A run that was stopped early has no commit times, and an empty ledger an empty table."""
    assert len(write_table(tmp_path, topology, 0.0).id) == 0
    write_files(tmp_path, Hub())
    (tmp_path / "commits.bin").unlink()
    table = write_table(tmp_path, topology, 0.0)
    assert len(table.id) == 30
    assert np.isnan(table.committed_s).all()
