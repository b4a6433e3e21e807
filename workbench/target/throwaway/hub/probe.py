"""One event through every partition of the hub: acknowledged by Kafka, committed in Postgres, newest in Redis.

`python -m workbench.target.throwaway.hub.probe <file>` runs in a Job inside the cluster, as a source of events does:
through the Services, with a certificate. Prints one JSON object; exit code 1 tells that an event did not arrive.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Final

import psycopg
import redis
from confluent_kafka import KafkaError, Message, Producer

ACK_TIMEOUT_S: Final = 30.0
ROW_TIMEOUT_S: Final = 60.0
POLL_S: Final = 0.01
ROWS: Final = "SELECT count(*) FROM events WHERE id = ANY(%s)"


def main(path: Path) -> int:
    """Write, wait for rows and states, print what was seen; return the exit code."""
    question = json.loads(path.read_text())
    first = time.time_ns() // 1000 % (1 << 52)  # ids that no event before had
    places = [(topic["name"], part) for topic in question["topics"] for part in range(topic["partitions"])]
    ids = list(range(first, first + len(places)))
    begun_s = time.monotonic()
    acked = _write(question["client"], dict(zip(ids, places, strict=True)))
    acked_s = time.monotonic() - begun_s
    committed = _committed(ids)
    committed_s = time.monotonic() - begun_s
    states = _states(ids)
    seen = {
        "partitions": len(places),
        "acknowledged": acked,
        "acknowledged_s": acked_s,
        "committed": committed,
        "committed_s": committed_s,
        "states": states,
    }
    print(json.dumps(seen))
    return 0 if acked == committed == states == len(places) else 1


def _write(client: dict[str, Any], events: dict[int, tuple[str, int]]) -> int:
    """Write each event to its partition with acks=all; return how many were acknowledged."""
    acked = 0

    def answered(error: KafkaError | None, _: Message) -> None:
        nonlocal acked
        acked += error is None
        if error is not None:
            print(f"not acknowledged: {error}", file=sys.stderr)

    producer = Producer({**client, "acks": "all", "delivery.timeout.ms": int(ACK_TIMEOUT_S * 1000), "log_level": 3})
    for event_id, (topic, partition) in events.items():
        body = {"id": event_id, "device": _device(event_id), "state": "reported"}
        producer.produce(topic, json.dumps(body).encode(), partition=partition, on_delivery=answered)
    producer.flush(ACK_TIMEOUT_S)
    return acked


def _device(event_id: int) -> int:
    """Return a device that only this event has, so that its state is this event's."""
    return event_id % (1 << 31)


def _committed(ids: list[int]) -> int:
    """Return how many of the events have their row within ROW_TIMEOUT_S."""
    deadline_s = time.monotonic() + ROW_TIMEOUT_S
    with psycopg.connect(os.environ["POSTGRES_DSN"], autocommit=True) as connection:
        while True:
            row = connection.execute(ROWS, (ids,)).fetchone()
            count = int(row[0]) if row else 0
            if count == len(ids) or time.monotonic() > deadline_s:
                return count
            time.sleep(POLL_S)


def _states(ids: list[int]) -> int:
    """Return of how many of the events Redis has the device's state within ROW_TIMEOUT_S."""
    deadline_s = time.monotonic() + ROW_TIMEOUT_S
    with redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True) as store:
        while True:
            count = sum(_is_newest(store, event_id) for event_id in ids)
            if count == len(ids) or time.monotonic() > deadline_s:
                return count
            time.sleep(POLL_S)


def _is_newest(store: redis.Redis, event_id: int) -> bool:
    """Tell whether the device's hash holds the event: fields are "<offset> <event id> <state>" (event processor)."""
    fields: dict[str, str] = store.hgetall(f"device:{_device(event_id)}")  # type: ignore[assignment]
    return any(value.split(" ")[1] == str(event_id) for value in fields.values())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
