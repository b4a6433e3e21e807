"""Postgres, read back: every event row's id and the moment its transaction committed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, LiteralString

import numpy as np
import psycopg
from psycopg.conninfo import conninfo_to_dict

from workbench.errors import ToolFailed
from workbench.records.writes import COMMIT_DTYPE, Rows
from workbench.workload import SOURCE_SHIFT

CONNECT_TIMEOUT_S: Final = 10
STATEMENT_TIMEOUT_MS: Final = 300_000
POLL_S: Final = 0.5
STALL_S: Final = 75.0  # above session.timeout.ms (45 s) and a rebalance: a dead member's partitions are idle so long
CATCH_UP_S: Final = 900.0

# track_commit_timestamp keeps the stamp of each transaction; extract gives numeric, so it is cast.
COPY_ROWS: Final = """
COPY (SELECT id, coalesce(extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8, 'NaN'::float8) FROM events
{where}) TO STDOUT (FORMAT binary)
"""
SINCE: Final = "WHERE pg_xact_commit_timestamp(xmin) >= to_timestamp({since_s:.6f})"

COUNT_ROWS: Final = "SELECT count(*) FROM events WHERE topic = ANY(%s)"
# What a crash recovery would read, and when the checkpoint that it begins at began.
RECOVERY: Final = """
SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), redo_lsn)::float8, extract(epoch FROM now() - checkpoint_time)::float8
FROM pg_control_checkpoint()
"""
# Of a load's own sources; other writers of events may use any id.
HIGHEST: Final = "SELECT coalesce(max(id & %s::bigint), 0) FROM events WHERE id < %s::bigint"
SOURCES_MAX: Final = 256

# PostgreSQL's documentation, COPY, "Binary Format": signature, flags and extension length; then per row the count
# of fields and, before each, its length in bytes; at the end the count -1. All of it big-endian.
_HEADER_BYTES: Final = 19
_TRAILER_BYTES: Final = 2
_ROW: Final = np.dtype(
    [("fields", ">i2"), ("id_bytes", ">i4"), ("id", ">i8"), ("stamp_bytes", ">i4"), ("committed_s", ">f8")]
)


def read_commits(dsn: str, path: Path, since_s: float) -> Rows:
    """Return id and commit time (epoch s) of the rows of `events`, in any order, and write them to `path`.

    Only of those committed since the epoch time `since_s`, 0: of all. A hub that stays has those of every drill before.

    Raises ToolFailed when Postgres does not answer or does not track commit times.
    """
    query = COPY_ROWS.format(where=SINCE.format(since_s=since_s) if since_s else "").encode()
    try:
        with _connect(dsn) as connection, connection.cursor() as cursor, cursor.copy(query) as copy:
            data = b"".join(copy)
    except psycopg.Error as problem:
        raise ToolFailed(f"Postgres could not be read back: {problem}") from problem
    raw = np.frombuffer(data[_HEADER_BYTES : len(data) - _TRAILER_BYTES], dtype=_ROW)
    rows = np.empty(len(raw), dtype=COMMIT_DTYPE)
    rows["id"] = raw["id"]
    rows["committed_s"] = raw["committed_s"]
    path.write_bytes(rows.tobytes())
    return rows


def count_rows(dsn: str, topics: list[str]) -> int:
    """Return how many rows `events` has of the topics. Raises ToolFailed when Postgres does not answer."""
    return _number(dsn, COUNT_ROWS, (topics,))


def recovery_reads(dsn: str) -> tuple[float, float]:
    """Return how many bytes of the log a crash recovery would read now, and how old (s) the checkpoint before them is.

    Raises ToolFailed when Postgres does not answer.
    """
    try:
        with _connect(dsn) as connection:
            found = connection.execute(RECOVERY).fetchone()
    except psycopg.Error as problem:
        raise ToolFailed(f"Postgres could not be asked for its last checkpoint: {problem}") from problem
    return (float(found[0]), float(found[1])) if found else (0.0, 0.0)


def highest_sequence(dsn: str) -> int:
    """Return the highest sequence among the ids of any load's rows, 0 without one. Raises ToolFailed likewise."""
    return _number(dsn, HIGHEST, ((1 << SOURCE_SHIFT) - 1, SOURCES_MAX << SOURCE_SHIFT))


def _number(dsn: str, query: LiteralString, values: tuple[Any, ...]) -> int:
    try:
        with _connect(dsn) as connection:
            found = connection.execute(query, values).fetchone()
    except psycopg.Error as problem:
        raise ToolFailed(f"Postgres could not be asked for its rows: {problem}") from problem
    return int(found[0]) if found else 0


def wait_for_rows(dsn: str, topics: list[str], expected: int, progress: Callable[[str], None]) -> int:
    """Wait until `events` has `expected` rows of the topics or has not grown for STALL_S; return how many it has.

    Raises ToolFailed when Postgres does not answer, or after CATCH_UP_S.
    """
    now_s = time.monotonic()
    deadline_s, grown_s, rows = now_s + CATCH_UP_S, now_s, -1
    try:
        with _connect(dsn) as connection:
            while True:
                found = connection.execute(COUNT_ROWS, (topics,)).fetchone()
                count = int(found[0]) if found else 0
                now_s = time.monotonic()
                grown_s = now_s if count > rows else grown_s
                rows = count
                if rows >= expected or now_s - grown_s > STALL_S:
                    return rows
                if now_s > deadline_s:
                    raise ToolFailed(f"after {CATCH_UP_S:g} s only {rows} of {expected} events were in Postgres")
                progress(f"event processors are catching up: {rows} of {expected} rows")
                time.sleep(POLL_S)
    except psycopg.Error as problem:
        raise ToolFailed(f"Postgres could not be asked for its rows: {problem}") from problem


def _connect(dsn: str) -> psycopg.Connection[tuple[Any, ...]]:
    return psycopg.connect(
        dsn,
        autocommit=True,
        connect_timeout=CONNECT_TIMEOUT_S,
        options=f"{conninfo_to_dict(dsn).get('options') or ''} -c statement_timeout={STATEMENT_TIMEOUT_MS}",
        application_name="ledger",
    )
