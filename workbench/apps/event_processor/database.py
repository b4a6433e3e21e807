"""Postgres: a batch is one transaction, idempotent on the event's id, its bodies encrypted by pgcrypto.

pgp_sym_encrypt keeps its default S2K (iterated and salted, mode 3), which hashes the key tens of thousands of
bytes' worth a call: about 0.35 ms a row, far more than AES itself. That is the hub's choice and its capacity.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from workbench.apps.event_processor.records import Batch

CONNECT_TIMEOUT_S: Final = 5
STATEMENT_TIMEOUT_MS: Final = 30_000  # far above any batch, far below max.poll.interval.ms (300,000)
ANSWER_TIMEOUT_S: Final = 35.0  # a server that is frozen keeps no time-out of its own: the client hangs up after this
SILENCE_TIMEOUT_MS: Final = 10_000  # a server that vanished without a reset is given up after this
SCHEMA_LOCK: Final = 0x6875_6231  # advisory lock: processors start together and CREATE .. IF NOT EXISTS can race

SCHEMA: Final = """
CREATE EXTENSION IF NOT EXISTS pgcrypto;
CREATE TABLE IF NOT EXISTS events (
    id bigint PRIMARY KEY,
    topic text NOT NULL,
    kafka_partition int NOT NULL,
    kafka_offset bigint NOT NULL,
    device int NOT NULL,
    body bytea NOT NULL
);
-- For the gateway's question: the newest row of a device in each partition, without reading its older ones.
-- CREATE INDEX IF NOT EXISTS would lock out the other processors' rows before it looks.
DO $$ BEGIN
    IF to_regclass(format('%I.events_of_device', current_schema())) IS NULL THEN
        CREATE INDEX events_of_device ON events (device, topic, kafka_partition, kafka_offset);
    END IF;
END $$;
CREATE TABLE IF NOT EXISTS dead_letters (
    topic text NOT NULL,
    kafka_partition int NOT NULL,
    kafka_offset bigint NOT NULL,
    reason text NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (topic, kafka_partition, kafka_offset)
);
"""

INSERT_EVENTS: Final = """
INSERT INTO events (id, topic, kafka_partition, kafka_offset, device, body)
SELECT id, topic, kafka_partition, kafka_offset, device, pgp_sym_encrypt(body, %b, 'cipher-algo=aes256')
FROM unnest(%b::bigint[], %b::text[], %b::int[], %b::bigint[], %b::int[], %b::text[])
    AS batch (id, topic, kafka_partition, kafka_offset, device, body)
ON CONFLICT (id) DO NOTHING
"""

INSERT_DEAD_LETTERS: Final = """
INSERT INTO dead_letters (topic, kafka_partition, kafka_offset, reason, value)
SELECT * FROM unnest(%b::text[], %b::int[], %b::bigint[], %b::text[], %b::bytea[])
ON CONFLICT DO NOTHING
"""


class Database:
    """One connection to the primary, made when needed; any error drops it."""

    def __init__(self, dsn: str, encryption_key: str) -> None:
        self._dsn = dsn
        self._options = conninfo_to_dict(dsn).get("options") or ""  # the connection string's own come first
        self._key = encryption_key
        self._connection: psycopg.Connection[Any] | None = None
        self.connections = 0  # made so far

    @property
    def connected(self) -> bool:
        """Whether the last use of the connection succeeded."""
        return self._connection is not None

    def connect(self) -> None:
        """Connect if there is no connection, and make the schema. Raises psycopg.Error."""
        if self._connection is not None:
            return
        connection = psycopg.connect(
            self._dsn,
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_S,
            tcp_user_timeout=SILENCE_TIMEOUT_MS,
            keepalives_idle=SILENCE_TIMEOUT_MS // 1000,
            # after a fail-over the old address may answer as a standby: only a server that takes writes will do
            target_session_attrs="read-write",
            options=f"{self._options} -c statement_timeout={STATEMENT_TIMEOUT_MS} -c client_min_messages=warning",
            application_name="event-processor",
        )
        try:
            with _answering(connection), connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (SCHEMA_LOCK,))
                connection.execute(SCHEMA)
        except psycopg.Error:
            connection.close()
            raise
        self._connection = connection
        self.connections += 1

    def write(self, batch: Batch) -> int:
        """Write a batch in one transaction and return how many event rows are new.

        Raises psycopg.Error and drops the connection; the batch may then be committed or not, and writing
        it again is harmless.
        """
        try:
            self.connect()
            return self._insert(batch)
        except psycopg.Error:
            self.close()
            raise

    def close(self) -> None:
        """Drop the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _insert(self, batch: Batch) -> int:
        if self._connection is None:
            raise psycopg.OperationalError("not connected")
        with _answering(self._connection) as connection:
            if not batch.dead_letters:  # one statement is one transaction: one round trip
                return self._insert_events(connection, batch)
            with connection.transaction():
                connection.execute(INSERT_DEAD_LETTERS, _columns(batch.dead_letters))
                return self._insert_events(connection, batch) if batch.events else 0

    def _insert_events(self, connection: psycopg.Connection[Any], batch: Batch) -> int:
        ids, topics, partitions, offsets, devices, _, bodies = _columns(batch.events)
        return connection.execute(
            INSERT_EVENTS, [self._key, ids, topics, partitions, offsets, devices, bodies]
        ).rowcount


@contextmanager
def _answering(connection: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """Shut the connection's socket when the block takes longer than ANSWER_TIMEOUT_S; the wait in it then fails."""
    with socket.socket(fileno=os.dup(connection.fileno())) as duplicate:
        timer = threading.Timer(ANSWER_TIMEOUT_S, _hang_up, (duplicate,))
        timer.daemon = True
        timer.start()
        try:
            yield connection
        finally:
            timer.cancel()
            timer.join()


def _hang_up(connected: socket.socket) -> None:
    with suppress(OSError):  # the server hung up first
        connected.shutdown(socket.SHUT_RDWR)


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """Return rows as one list a column."""
    return [list(column) for column in zip(*rows, strict=True)]
