"""Redis, read back: the newest state of every device against the newest of its events.

The event processor keeps, in hash `device:<id>`, field `<topic>/<partition>`, the value
`<offset> <event id> <state>`. Newest is by offset within device, topic and partition; an event counts once its
row is in Postgres, because a processor shows a state only after the row.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Final

import numpy as np
import redis

from workbench.errors import ToolFailed
from workbench.ledger.kafka_records import NO_EVENT, KafkaRecords
from workbench.metrics.tables import BoolArray, IntArray

OPERATION_TIMEOUT_S: Final = 10.0
HASHES_A_CALL: Final = 1_000
SETTLE_S: Final = 15.0  # a processor's back-off after a Redis failure is at most 5 s
POLL_S: Final = 0.25
_DEVICE_SHIFT: Final = 24  # key = device << 24 | topic << 16 | partition
_TOPIC_SHIFT: Final = 16


@dataclass(frozen=True)
class States:
    """Newest event per key (device, topic, partition): two columns ordered by key."""

    key: IntArray
    id: IntArray

    def devices(self) -> int:
        """Return how many devices have a state."""
        return len(np.unique(self.key >> _DEVICE_SHIFT))


@dataclass(frozen=True)
class WrongStates:
    """Keys whose state in Redis is missing, old or unexpected: topic index and the event it should be."""

    topic: IntArray
    id: IntArray  # the expected event's; Redis's own where none is expected

    def __len__(self) -> int:
        return len(self.id)


def expected_states(records: KafkaRecords, in_postgres: BoolArray) -> States:
    """Return the states that Redis should hold: `in_postgres` tells for each record whether its id has a row."""
    kept = in_postgres & (records.id != NO_EVENT)
    key = (records.device[kept] << _DEVICE_SHIFT) | (records.topic[kept] << _TOPIC_SHIFT) | records.partition[kept]
    order = np.lexsort((records.offset[kept], key))
    key, identity = key[order], records.id[kept][order]
    last = np.append(key[1:] != key[:-1], True) if len(key) else np.empty(0, dtype=np.bool_)
    return States(key[last], identity[last])


def read_states(url: str, topics: Sequence[str]) -> States:
    """Return the states Redis holds of these topics. Raises ToolFailed for no answer or another format."""
    index = {name: position for position, name in enumerate(topics)}
    columns: array[int] = array("q")
    client = redis.Redis.from_url(
        url, socket_timeout=OPERATION_TIMEOUT_S, socket_connect_timeout=OPERATION_TIMEOUT_S, decode_responses=True
    )
    try:
        for keys in batched(client.scan_iter("device:*", count=HASHES_A_CALL), HASHES_A_CALL):
            pipeline = client.pipeline(transaction=False)
            for key in keys:
                pipeline.hgetall(key)
            for key, fields in zip(keys, pipeline.execute(), strict=True):
                for field, value in fields.items():
                    topic, partition = field.rsplit("/", 1)
                    if topic in index:
                        columns.extend(_state(key, index[topic], partition, value))
    except redis.RedisError as problem:
        raise ToolFailed(f"Redis could not be read back: {problem}") from problem
    except (ValueError, IndexError) as problem:
        raise ToolFailed(f"Redis holds a state in an unknown format: {problem!r}") from problem
    finally:
        client.close()
    table = np.array(columns, dtype=np.int64).reshape(-1, 2)
    _, first = np.unique(table[:, 0], return_index=True)  # SCAN may return a key twice
    return States(table[first, 0], table[first, 1])


def compare_states(expected: States, found: States) -> WrongStates:
    """Return the keys on which the two disagree."""
    keys = np.union1d(expected.key, found.key)
    want, have = _at(expected, keys), _at(found, keys)
    wrong = want != have
    topic = (keys[wrong] >> _TOPIC_SHIFT) & ((1 << (_DEVICE_SHIFT - _TOPIC_SHIFT)) - 1)
    return WrongStates(topic, np.where(want == NO_EVENT, have, want)[wrong])


def check_states(url: str, topics: Sequence[str], expected: States, *, others: bool) -> tuple[States, WrongStates]:
    """Read and compare until everything agrees or SETTLE_S is over; return the last reading and what is wrong.

    With `others` Redis may hold states of earlier events too, which are left out.
    """
    deadline_s = time.monotonic() + SETTLE_S
    while True:
        found = read_states(url, topics)
        if others:
            ours = np.isin(found.key, expected.key)
            found = States(found.key[ours], found.id[ours])
        wrong = compare_states(expected, found)
        if not len(wrong) or time.monotonic() > deadline_s:
            return found, wrong
        time.sleep(POLL_S)


def _state(key: str, topic: int, partition: str, value: str) -> tuple[int, int]:
    """Return (packed key, event id) of one field of one device."""
    device = int(key.split(":", 1)[1])
    return (device << _DEVICE_SHIFT) | (topic << _TOPIC_SHIFT) | int(partition), int(value.split(" ", 2)[1])


def _at(states: States, keys: IntArray) -> IntArray:
    """Return the event id at each key, NO_EVENT where there is none."""
    if len(states.key) == 0:
        return np.full(len(keys), NO_EVENT, dtype=np.int64)
    place = np.minimum(np.searchsorted(states.key, keys), len(states.key) - 1)
    return np.where(states.key[place] == keys, states.id[place], NO_EVENT)
