"""Postgres: the newest row of a device in each partition, decrypted; over a bounded pool that never makes wait long.

pgp_sym_decrypt hashes the key anew for every row (its S2K, as in encrypting): about 0.35 ms a row, at most one row
a topic and partition of the device.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import orjson
import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from workbench.apps.device_state import State

CONNECT_TIMEOUT_S: Final = 2  # the least that libpq knows
HANG_UP_AFTER_S: Final = (
    0.5  # a server that is frozen keeps no time-out of its own: the client hangs up this much later
)
SILENCE_TIMEOUT_MS: Final = 5_000  # a server that vanished without a reset is given up after this
RECONNECT_S: Final = 2.0  # the pool's own attempts end after this; the next request makes a new one
CLOSE_S: Final = 2.0

# One step of the index a partition: from its newest row to the newest of the partition before.
NEWEST_OF_DEVICE: Final = """
WITH RECURSIVE newest AS (
    (SELECT topic, kafka_partition, kafka_offset, id, body FROM events WHERE device = %(device)s
     ORDER BY topic DESC, kafka_partition DESC, kafka_offset DESC LIMIT 1)
    UNION ALL
    SELECT before.* FROM newest CROSS JOIN LATERAL (
        SELECT topic, kafka_partition, kafka_offset, id, body FROM events
        WHERE device = %(device)s AND (topic, kafka_partition) < (newest.topic, newest.kafka_partition)
        ORDER BY topic DESC, kafka_partition DESC, kafka_offset DESC LIMIT 1
    ) AS before
)
SELECT topic, kafka_partition, kafka_offset, id, pgp_sym_decrypt(body, %(key)s) FROM newest
"""

_Connection = psycopg.AsyncConnection[tuple[Any, ...]]


class Database:
    """At most `pool_size_max` connections. Methods raise psycopg.Error within the pool's wait and the time-out."""

    def __init__(self, dsn: str, key: str, *, size_max: int, waiting_max: int, wait_s: float, timeout_s: float) -> None:
        self._key = key
        self._size_max = size_max
        self._wait_s = wait_s
        self._timeout_s = timeout_s
        options = conninfo_to_dict(dsn).get("options") or ""  # the connection string's own come first
        self._pool: AsyncConnectionPool[_Connection] = AsyncConnectionPool(
            dsn,
            kwargs={
                "autocommit": True,
                "connect_timeout": CONNECT_TIMEOUT_S,
                "tcp_user_timeout": SILENCE_TIMEOUT_MS,
                "keepalives_idle": SILENCE_TIMEOUT_MS // 1000,
                "options": f"{options} -c statement_timeout={round(1000 * timeout_s)} -c client_min_messages=warning",
                "application_name": "gateway",
            },
            min_size=1,
            max_size=size_max,
            max_waiting=waiting_max,
            timeout=wait_s,
            reconnect_timeout=RECONNECT_S,
            num_workers=2,
            open=False,
        )

    async def open(self) -> None:
        """Start the pool; it connects in the background."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close(timeout=CLOSE_S)

    async def newest(self, device: int) -> list[State]:
        """Return the newest state of a device in each partition, by topic and partition; empty without a row."""
        async with self._connected() as connection:
            cursor = await connection.execute(NEWEST_OF_DEVICE, {"device": device, "key": self._key})
            rows = await cursor.fetchall()
        return sorted(
            State(topic, partition, offset, event, state_of(body)) for topic, partition, offset, event, body in rows
        )

    async def answers(self) -> bool:
        """Tell whether Postgres answers."""
        try:
            async with self._connected() as connection:
                await connection.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    @property
    def in_use(self) -> int:
        """Return how many connections are in use, being made included."""
        statistics = self._pool.get_stats()
        return statistics["pool_size"] - statistics["pool_available"]

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[_Connection]:
        """Lend a connection that the server has not closed; hang up when the block takes too long."""
        deadline_s = time.monotonic() + self._wait_s
        for _ in range(self._size_max + 1):
            connection = await self._pool.getconn(max(0.01, deadline_s - time.monotonic()))
            if not _hung_up_on(connection):
                break
            await connection.close()
            await self._pool.putconn(connection)  # makes the pool connect anew
        else:
            raise PoolTimeout("every connection was closed by the server")
        try:
            with _Fuse(connection, self._timeout_s + HANG_UP_AFTER_S):
                yield connection
        finally:
            await self._pool.putconn(connection)


class _Fuse:
    """Shuts a connection's socket when the block takes longer than `after_s`; the wait in it then fails.

    Cancelling would not do: psycopg then asks the server to cancel and waits for its answer.
    """

    def __init__(self, connection: _Connection, after_s: float) -> None:
        self._socket = socket.socket(fileno=os.dup(connection.fileno()))
        self._timer = asyncio.get_running_loop().call_later(after_s, self._hang_up)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._socket.close()

    def _hang_up(self) -> None:
        with suppress(OSError):  # the server hung up first
            self._socket.shutdown(socket.SHUT_RDWR)


def state_of(body: str) -> str:
    """Return the state that an event's body states, as the event processor shows it in Redis."""
    return str(orjson.loads(body).get("state", ""))


def _hung_up_on(connection: _Connection) -> bool:
    """Tell whether the server has closed a connection that nobody uses: then there is an end to read."""
    if connection.closed:
        return True
    with socket.socket(fileno=os.dup(connection.fileno())) as duplicate:
        try:
            duplicate.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True
    return True
