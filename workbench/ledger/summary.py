"""The ledger's counts: per topic, for the devices together and for the canary, and whether they balance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from workbench.errors import ToolFailed
from workbench.ledger.fates import Fates, Writes, contains
from workbench.metrics.tables import BoolArray, Counts, IntArray
from workbench.records.folder import FORMAT_VERSION
from workbench.records.writes import Outcome

EXAMPLES_MAX: Final = 20


@dataclass(frozen=True)
class Tally:
    """Counts over some of the writes. planned = sent + not_sent; sent = ok + failed + unknown."""

    planned: int
    sent: int
    not_sent: int
    ok: int
    failed: int
    unknown: int
    lost: int  # acknowledged, absent from Kafka
    duplicated: int  # extra copies in Kafka
    unknown_but_there: int
    failed_but_there: int
    not_sent_but_there: int
    diverged: int  # acknowledged at an offset where it is not, though it is elsewhere
    reordered: int  # acknowledged, but behind a write that its device sent later
    missing_in_postgres: int  # in Kafka, no row
    redis_wrong: int  # newest state missing or old, counted at the event it should be


@dataclass(frozen=True)
class KafkaBooks:
    """Both reads of Kafka."""

    records_read: int
    read_twice_equal: bool  # the same bodies in the same places
    seconds: float  # both reads
    malformed: int  # records that are no event
    unlisted: int  # events that no producer's log holds (a producer that died before it flushed)


@dataclass(frozen=True)
class PostgresBooks:
    """The rows of `events`."""

    rows: int
    missing: int  # events in Kafka without a row
    doubled: int  # ids with more than one row
    unlisted: int  # rows whose event is not in Kafka


@dataclass(frozen=True)
class RedisBooks:
    """The devices' newest states."""

    devices: int
    wrong: int  # states (device, topic, partition) missing, old or unexpected


@dataclass(frozen=True)
class LedgerSummary:
    """What became of every write of a run. `total` and `per_topic` are the devices' events alone."""

    total: Tally
    per_topic: Mapping[str, Tally]
    canary: Tally
    kafka: KafkaBooks
    postgres: PostgresBooks
    redis: RedisBooks
    examples: Mapping[str, Sequence[int]]  # at most EXAMPLES_MAX ids each

    def counts(self) -> Counts:
        """Return the counts that metrics look at. A lost write is lost, whoever sent it: the canary's are in."""
        both = (self.total, self.canary)
        return Counts(
            acknowledged_lost=sum(tally.lost for tally in both),
            duplicated=sum(tally.duplicated for tally in both),
            unknown=sum(tally.unknown for tally in both),
            failed=sum(tally.failed for tally in both),
            reordered=sum(tally.reordered for tally in both),
            not_sent=sum(tally.not_sent for tally in both),
            rows_lost=sum(tally.missing_in_postgres for tally in both),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the content of ledger/summary.json; the devices' totals stand at its top."""
        return {
            "format": FORMAT_VERSION,
            **asdict(self.total),
            "per_topic": {topic: asdict(tally) for topic, tally in self.per_topic.items()},
            "canary": asdict(self.canary),
            "kafka": asdict(self.kafka),
            "postgres": asdict(self.postgres),
            "redis": asdict(self.redis),
            "examples": {name: list(ids) for name, ids in self.examples.items()},
        }


def tally(writes: Writes, fates: Fates, wrong_states: IntArray, kept: BoolArray) -> Tally:
    """Count the writes where `kept` holds; `wrong_states` are the ids of the events Redis should show."""

    def count(condition: BoolArray) -> int:
        return int(np.count_nonzero(condition & kept))

    of = {outcome: writes.outcome == outcome for outcome in Outcome}
    there = fates.copies > 0
    not_sent = count(of[Outcome.NOT_SENT])
    planned = int(np.count_nonzero(kept))
    return Tally(
        planned=planned,
        sent=planned - not_sent,
        not_sent=not_sent,
        ok=count(of[Outcome.OK]),
        failed=count(of[Outcome.FAILED]),
        unknown=count(of[Outcome.UNKNOWN]),
        lost=count(of[Outcome.OK] & ~there),
        duplicated=int((fates.copies[kept & there] - 1).sum()),
        unknown_but_there=count(of[Outcome.UNKNOWN] & there),
        failed_but_there=count(of[Outcome.FAILED] & there),
        not_sent_but_there=count(of[Outcome.NOT_SENT] & there),
        diverged=count(fates.diverged),
        reordered=count(fates.reordered),
        missing_in_postgres=count(there & ~fates.in_postgres),
        redis_wrong=int(contains(writes.id[kept], wrong_states).sum()),
    )


def examples(writes: Writes, fates: Fates, wrong_states: IntArray, unlisted: IntArray) -> dict[str, list[int]]:
    """Return a few ids of everything that should not be, devices and canary together."""
    there = fates.copies > 0
    chosen = {
        "lost": writes.id[(writes.outcome == Outcome.OK) & ~there],
        "duplicated": writes.id[fates.copies > 1],
        "unknown_but_there": writes.id[(writes.outcome == Outcome.UNKNOWN) & there],
        "failed_but_there": writes.id[(writes.outcome == Outcome.FAILED) & there],
        "not_sent_but_there": writes.id[(writes.outcome == Outcome.NOT_SENT) & there],
        "diverged": writes.id[fates.diverged],
        "reordered": writes.id[fates.reordered],
        "missing_in_postgres": writes.id[there & ~fates.in_postgres],
        "redis_wrong": wrong_states,
        "unlisted": unlisted,
    }
    return {name: [int(identity) for identity in ids[:EXAMPLES_MAX]] for name, ids in chosen.items()}


def check_books(summary: LedgerSummary, planned: int) -> None:
    """Raise ToolFailed unless the counts balance, to the unit, with `planned` writes in the log."""
    wrong = []
    for name, books in (("devices", summary.total), ("canary", summary.canary), *summary.per_topic.items()):
        if books.planned != books.sent + books.not_sent:
            wrong.append(f"{name}: {books.planned} planned, but {books.sent} sent and {books.not_sent} not sent")
        if books.sent != books.ok + books.failed + books.unknown:
            answered = f"{books.ok} ok, {books.failed} failed, {books.unknown} unknown"
            wrong.append(f"{name}: {books.sent} sent, but {answered}")
    if summary.total.planned + summary.canary.planned != planned:
        held = f"{summary.total.planned} of devices and {summary.canary.planned} of the canary"
        wrong.append(f"{planned} writes in the log, but {held}")
    by_topic = sum(books.sent for books in summary.per_topic.values())
    if by_topic != summary.total.sent:
        wrong.append(f"{summary.total.sent} sent, but {by_topic} by topic")
    if wrong:
        raise ToolFailed("the ledger's own books do not balance: " + "; ".join(wrong))
