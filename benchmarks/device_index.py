"""What the gateway's index costs the event processors: batches into a table with it and into one without, in turn.

`workbench hub up`, then `python benchmarks/device_index.py`; the two tables are schemas of their own on the hub's
Postgres primary and are removed again. Bound: the median batch is at most 5 % longer with the index.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
import psycopg
from psycopg.conninfo import make_conninfo

from workbench.apps.event_processor.database import Database
from workbench.apps.event_processor.records import Batch, Event
from workbench.target.local import attach

BATCH_EVENTS = 500
BATCHES = 80  # into each table, the first 20 not counted
WARM_UP = 20
DEVICES = 400
PARTITIONS = 6
TOPICS = ("alerts", "event-authentication", "sdc-events", "technical-alerts")
SCHEMAS = ("index_with", "index_without")


def batch(number: int, rng: np.random.Generator) -> Batch:
    """Return a batch of events of random devices, as the load makes them."""
    devices = rng.integers(0, DEVICES, BATCH_EVENTS).tolist()
    topics = rng.choice(TOPICS, BATCH_EVENTS, p=(0.05, 0.1, 0.75, 0.1)).tolist()
    first = number * BATCH_EVENTS
    return Batch(
        [
            Event(first + at, topic, device % PARTITIONS, first + at, device, "on", "x" * 300)
            for at, (device, topic) in enumerate(zip(devices, topics, strict=True))
        ]
    )


SLOWER_MAX = 0.05


def main() -> None:
    """Write in turn and print seconds a batch as JSON; exit with 1 when the bound is not kept."""
    with attach() as hub:
        dsn = hub.endpoints.postgres_dsn
    rng = np.random.default_rng(7)
    took_s: dict[str, list[float]] = {schema: [] for schema in SCHEMAS}
    with psycopg.connect(dsn, autocommit=True) as connection:
        databases = {}
        for schema in SCHEMAS:
            connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}")
            databases[schema] = Database(make_conninfo(dsn, options=f"-c search_path={schema},public"), "a key")
            databases[schema].connect()
        connection.execute(f"DROP INDEX {SCHEMAS[1]}.events_of_device")
        try:
            for number in range(BATCHES):
                events = batch(number, rng)
                for schema in SCHEMAS if number % 2 else reversed(SCHEMAS):
                    began_s = time.perf_counter()
                    databases[schema].write(events)
                    took_s[schema].append(time.perf_counter() - began_s)
        finally:
            for schema, database in databases.items():
                database.close()
                connection.execute(f"DROP SCHEMA {schema} CASCADE")
    medians = {schema: float(np.median(values[WARM_UP:])) for schema, values in took_s.items()}
    differences = np.array(took_s[SCHEMAS[0]][WARM_UP:]) - np.array(took_s[SCHEMAS[1]][WARM_UP:])
    low_s, high_s = np.percentile(
        np.median(rng.choice(differences, (2000, len(differences))), axis=1), [5.0, 95.0]
    ).tolist()
    result: dict[str, Any] = {
        "batch_s_p50": medians,
        "difference_s_p50": float(np.median(differences)),
        "90 %": [low_s, high_s],
    }
    print(json.dumps(result, indent=1))
    if result["difference_s_p50"] > SLOWER_MAX * medians[SCHEMAS[1]]:
        sys.exit(1)


if __name__ == "__main__":
    main()
