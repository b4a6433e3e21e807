"""The join: what every write was told against where it is found. Pure, on arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from workbench.errors import ToolFailed
from workbench.ledger.kafka_records import NO_EVENT, KafkaRecords
from workbench.metrics.tables import BoolArray, IntArray
from workbench.records.writes import Outcome, Rows
from workbench.workload import CANARY_SOURCE, SOURCE_SHIFT

NO_TOPIC: Final = -1
_ORDER_ROOM: Final = np.int64(1) << 40  # above any position in a log; separates groups under one running maximum


@dataclass(frozen=True)
class Writes:
    """The producers' log, one row a planned write, ordered by id."""

    id: IntArray
    topic: IntArray  # NO_TOPIC for a write that was never tried and whose topic the log does not hold
    order: IntArray  # position in its source's log: the order of sends
    outcome: IntArray
    partition: IntArray  # as the producer was told, or as it asked for
    offset: IntArray  # as the producer was told, -1 if not

    @property
    def canary(self) -> BoolArray:
        """Return which rows are the canary's."""
        return np.asarray((self.id >> SOURCE_SHIFT) == CANARY_SOURCE)


@dataclass(frozen=True)
class Fates:
    """What became of each row of `Writes`: arrays of the same length and order."""

    copies: IntArray  # records of this id in Kafka
    diverged: BoolArray  # acknowledged at an offset where it is not, though it is elsewhere
    reordered: BoolArray  # acknowledged, but behind a write its device sent later
    in_postgres: BoolArray


def join_log(sends: Rows, answers: Rows) -> Writes:
    """Join sends with their answers; a send without an answer is UNKNOWN.

    A write that was never tried has an answer (NOT_SENT) alone. Raises ToolFailed when the log contradicts
    itself: an id twice, an answer to nothing.
    """
    tried = contains(np.sort(sends["id"]), answers["id"])
    lonely = answers[~tried]
    if (lonely["outcome"] != Outcome.NOT_SENT).any():
        raise ToolFailed(f"the write log has answers to writes it does not hold, the first is {lonely['id'][0]}")
    identity = np.concatenate([sends["id"], lonely["id"]]).astype(np.int64)
    topic = np.concatenate([sends["topic"], np.full(len(lonely), NO_TOPIC)]).astype(np.int64)
    order = np.argsort(identity, kind="stable")
    identity = identity[order]
    _refuse_repeats(identity, "writes")
    _refuse_repeats(np.sort(answers["id"]), "answers")
    place = np.searchsorted(identity, answers["id"])
    outcome = np.full(len(identity), int(Outcome.UNKNOWN), dtype=np.int64)
    outcome[place] = answers["outcome"]
    partition = np.concatenate([sends["partition"], lonely["partition"]]).astype(np.int64)[order]
    partition[place] = answers["partition"]
    offset = np.full(len(identity), -1, dtype=np.int64)
    offset[place] = answers["offset"]
    return Writes(identity, topic[order], order.astype(np.int64), outcome, partition, offset)


def judge(writes: Writes, records: KafkaRecords, row_ids: IntArray) -> Fates:
    """Return each write's fate from one read of Kafka and the ids of Postgres's rows (sorted)."""
    by_id = np.lexsort((records.offset, records.id))
    ids = records.id[by_id]
    first = np.searchsorted(ids, writes.id, side="left")
    copies = np.searchsorted(ids, writes.id, side="right") - first
    found = copies > 0
    first_record = by_id[np.where(found, first, 0)] if len(ids) else np.zeros(len(writes.id), dtype=np.int64)
    acknowledged = found & (writes.outcome == Outcome.OK)
    return Fates(
        copies,
        acknowledged & (writes.offset >= 0) & ~_found_as_told(writes, records),
        _reordered(writes, records, np.flatnonzero(acknowledged), first_record),
        contains(row_ids, writes.id),
    )


def contains(sorted_ids: IntArray, wanted: IntArray) -> BoolArray:
    """Return for each of `wanted` whether `sorted_ids` holds it."""
    if len(sorted_ids) == 0:
        return np.zeros(len(wanted), dtype=np.bool_)
    place = np.minimum(np.searchsorted(sorted_ids, wanted), len(sorted_ids) - 1)
    return np.asarray(sorted_ids[place] == wanted)


def distinct(ids: IntArray) -> IntArray:
    """Return each id once, sorted (ids hash badly: sorting a million is ten times faster than numpy.unique)."""
    ids = np.sort(ids)
    return ids[np.append(True, ids[1:] != ids[:-1])] if len(ids) else ids


def event_ids(records: KafkaRecords) -> IntArray:
    """Return the ids of the events in Kafka, each once, sorted."""
    return distinct(records.id[records.id != NO_EVENT])


def unlisted_ids(writes: Writes, records: KafkaRecords) -> IntArray:
    """Return the events' ids in Kafka that no producer's log holds, each once."""
    ids = event_ids(records)
    return ids[~contains(writes.id, ids)]


def _found_as_told(writes: Writes, records: KafkaRecords) -> BoolArray:
    """Return which writes have a copy at the very place the producer was told."""
    told = np.zeros(len(writes.id), dtype=np.bool_)
    if len(writes.id) == 0:
        return told
    place = np.minimum(np.searchsorted(writes.id, records.id), len(writes.id) - 1)
    matches = (
        (writes.id[place] == records.id)
        & (writes.topic[place] == records.topic)
        & (writes.partition[place] == records.partition)
        & (writes.offset[place] == records.offset)
    )
    told[place[matches]] = True
    return told


def _reordered(writes: Writes, records: KafkaRecords, rows: IntArray, first_record: IntArray) -> BoolArray:
    """Return which of `rows` stand, by first appearance, behind a write that their source and device sent later.

    Compared within source, topic, partition and device: Kafka orders nothing beyond a partition. A late write
    counts once, however many overtook it (as in RFC 4737, 3.2).
    """
    behind = np.zeros(len(writes.id), dtype=np.bool_)
    if len(rows) == 0:
        return behind
    record = first_record[rows]
    stream = ((writes.id[rows] >> SOURCE_SHIFT) << 24) | (records.topic[record] << 16) | records.partition[record]
    order = np.lexsort((records.offset[record], records.device[record], stream))
    rows, record, stream = rows[order], record[order], stream[order]
    device = records.device[record]
    changes = (stream[1:] != stream[:-1]) | (device[1:] != device[:-1])
    group = np.concatenate([[0], np.cumsum(changes)]).astype(np.int64)
    sent = group * _ORDER_ROOM + writes.order[rows]
    latest_before = np.concatenate([[-1], np.maximum.accumulate(sent)[:-1]])
    behind[rows[sent < latest_before]] = True
    return behind


def _refuse_repeats(sorted_ids: IntArray, what: str) -> None:
    repeated = sorted_ids[1:][sorted_ids[1:] == sorted_ids[:-1]]
    if len(repeated):
        raise ToolFailed(f"the write log has {what} twice: {len(repeated)} ids, the first is {repeated[0]}")
