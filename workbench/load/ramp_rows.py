"""Offers a ramp to Postgres: `python -m workbench.load.ramp_rows RAMP.json`.

Rows as the event processors write them (one statement a transaction, the body encrypted by pgp_sym_encrypt with its
default S2K) go into a new table of its own, full batches over a fixed number of connections: into one of a million
rows they go a fifth slower, measured by `workbench saturation ramp`.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Final

import psycopg

from workbench.errors import ToolFailed
from workbench.load.bodies import BodyMaker
from workbench.load.ramp import FINISH_S, SAMPLE_S, Ramp, read_ramp, sample_line
from workbench.workload import IntArray

STEP_S: Final = 0.002
KEY: Final = "a key of this table alone"
TABLE: Final = """
CREATE EXTENSION IF NOT EXISTS pgcrypto;
DROP TABLE IF EXISTS ramp_rows;
CREATE TABLE ramp_rows (
    id bigint PRIMARY KEY, topic text NOT NULL, device int NOT NULL, body bytea NOT NULL);
CREATE INDEX ramp_rows_of_device ON ramp_rows (device, topic);
"""
INSERT: Final = """
INSERT INTO ramp_rows (id, topic, device, body)
SELECT id, topic, device, pgp_sym_encrypt(body, %b, 'cipher-algo=aes256')
FROM unnest(%b::bigint[], %b::text[], %b::int[], %b::text[]) AS batch (id, topic, device, body)
"""


class Source:
    """The connections, each a thread that takes the next full batch that is due."""

    def __init__(self, ramp: Ramp) -> None:
        self._ramp = ramp
        self._names, self._topics, self._devices = ramp.drawn()
        self._bodies = BodyMaker(self._names, ramp.event_bytes)
        self._batches = ramp.events // ramp.batch_events
        self._lock = threading.Lock()
        self._taken = 0  # batches
        self._committed = 0  # events
        self._failures: list[psycopg.Error] = []

    def run(self) -> int:
        """Write every batch when it is due; return how many events were not committed in time."""
        with psycopg.connect(self._ramp.postgres_dsn, autocommit=True) as connection:
            connection.execute(TABLE)
        threads = [threading.Thread(target=self._write, daemon=True) for _ in range(self._ramp.connections)]
        for thread in threads:
            thread.start()
        end_s = self._ramp.start_s + self._ramp.lasts_s + FINISH_S
        with self._ramp.samples.open("ab", buffering=0) as samples:
            while any(thread.is_alive() for thread in threads) and time.time() < end_s:
                time.sleep(SAMPLE_S)
                samples.write(sample_line(time.time(), self._ramp.due(time.time()), self._committed))
        if self._failures:
            raise ToolFailed(f"Postgres refused rows: {self._failures[0]}")
        return self._batches * self._ramp.batch_events - self._committed

    def _write(self) -> None:
        try:
            with psycopg.connect(self._ramp.postgres_dsn, autocommit=True) as connection:
                while (number := self._next()) is not None:
                    self._wait_until_due(number)
                    connection.execute(INSERT, self._rows(number))
                    with self._lock:
                        self._committed += self._ramp.batch_events
        except psycopg.Error as problem:
            self._failures.append(problem)

    def _next(self) -> int | None:
        with self._lock:
            if self._taken == self._batches or self._failures:
                return None
            self._taken += 1
            return self._taken - 1

    def _wait_until_due(self, number: int) -> None:
        last = (number + 1) * self._ramp.batch_events
        while self._ramp.due(time.time()) < min(last, self._ramp.events):  # the ramp itself ends
            time.sleep(STEP_S)

    def _rows(self, number: int) -> list[Any]:
        size, first = self._ramp.batch_events, self._ramp.first_id
        places = range(number * size, (number + 1) * size)
        topics: IntArray = self._topics[places.start : places.stop]
        devices: list[int] = self._devices[places.start : places.stop].tolist()
        bodies = [
            self._bodies.body(int(topic), first + place, device, self._ramp.start_s).decode()
            for place, topic, device in zip(places, topics, devices, strict=True)
        ]
        return [KEY, [first + place for place in places], [self._names[topic] for topic in topics], devices, bodies]


if __name__ == "__main__":
    raise SystemExit(1 if Source(read_ramp()).run() else 0)
