"""Kafka, read from the beginning to its end: where each event's id stands.

A fresh consumer a read, partitions assigned by hand (no group that could rebalance), read_committed. The loop
over records is the ledger's hot spot, so it takes id and device from the first bytes of the body, which the
hub's producers write first, and parses JSON only where that fails.
"""

from __future__ import annotations

import time
import uuid
import zlib
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import orjson
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from workbench.errors import ToolFailed
from workbench.metrics.tables import IntArray

NO_EVENT: Final = -1  # id of a record that is no event
READ_RECORDS: Final = 10_000  # records a call
ANSWER_TIMEOUT_S: Final = 10.0  # for a broker to say where a partition ends
COLUMNS: Final = 6
_ID_PREFIX: Final = b'{"id":'
_DEVICE_PREFIX: Final = b'"device":'


@dataclass(frozen=True)
class KafkaRecords:
    """Columns, one row a record, ordered by topic, partition and offset."""

    id: IntArray  # NO_EVENT where the body is no event
    device: IntArray
    topic: IntArray  # index into the topics' names in sorted order
    partition: IntArray
    offset: IntArray
    checksum: IntArray  # CRC-32 of the body

    def __len__(self) -> int:
        return len(self.id)

    def same(self, other: KafkaRecords) -> bool:
        """Return whether two reads found the same bodies in the same places."""
        return all(
            np.array_equal(mine, theirs)
            for mine, theirs in zip(self.__dict__.values(), other.__dict__.values(), strict=True)
        )


def read_kafka(
    client: Mapping[str, str], partitions: Mapping[str, int], timeout_s: float, first: Mapping[str, int] | None = None
) -> KafkaRecords:
    """Return every record of the topics (name to partition count). Raises ToolFailed after `timeout_s`.

    `client` holds what is needed to reach Kafka, by librdkafka's names; `first` the offsets by "topic-partition" to
    begin at, the beginning where there is none.
    """
    topics = sorted(partitions)
    begins = first or {}
    places = [
        TopicPartition(name, index, begins.get(f"{name}-{index}", OFFSET_BEGINNING))
        for name in topics
        for index in range(partitions[name])
    ]
    consumer = _consumer(client)
    try:
        ends = {(place.topic, place.partition): _end(consumer, place) for place in places}
        consumer.assign(places)
        columns = _read_to_the_end(consumer, topics, ends, time.monotonic() + timeout_s)
    except KafkaException as problem:
        raise ToolFailed(f"Kafka could not be read: {problem.args[0]}") from problem
    finally:
        consumer.close()
    return from_columns(columns)


def end_offsets(client: Mapping[str, str], partitions: Mapping[str, int]) -> dict[str, int]:
    """Return the offset after the last readable record of each partition, by "topic-partition"."""
    consumer = _consumer(client)
    try:
        return {
            f"{name}-{index}": _end(consumer, TopicPartition(name, index))
            for name, count in partitions.items()
            for index in range(count)
        }
    except KafkaException as problem:
        raise ToolFailed(f"Kafka could not be read: {problem.args[0]}") from problem
    finally:
        consumer.close()


def _consumer(client: Mapping[str, str]) -> Consumer:
    return Consumer(
        {
            **client,
            "group.id": f"ledger-{uuid.uuid4()}",  # required, never joined: partitions are assigned by hand
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,  # says that a partition's end is reached
            "log_level": 2,  # connection trouble ends in ToolFailed, once
        }
    )


def from_columns(columns: array[int]) -> KafkaRecords:
    """Return rows of (id, device, topic, partition, offset, checksum), in any order, as KafkaRecords."""
    table = np.frombuffer(columns, dtype=np.int64).reshape(-1, COLUMNS) if columns else np.empty((0, COLUMNS), np.int64)
    order = np.lexsort((table[:, 4], table[:, 3], table[:, 2]))
    return KafkaRecords(*(np.ascontiguousarray(table[order, index]) for index in range(COLUMNS)))


def identify(value: bytes) -> tuple[int, int]:
    """Return id and device of a body; (NO_EVENT, NO_EVENT) when it is no event."""
    head = value.split(b",", 2)
    if len(head) == 3 and head[0].startswith(_ID_PREFIX) and head[1].startswith(_DEVICE_PREFIX):
        number, device = head[0][6:], head[1][9:]
        if number.isdigit() and device.isdigit():
            return int(number), int(device)
    return _identify_any_json(value)


def _identify_any_json(value: bytes) -> tuple[int, int]:
    try:
        fields = orjson.loads(value)
    except orjson.JSONDecodeError:
        return NO_EVENT, NO_EVENT
    number, device = (fields.get("id"), fields.get("device")) if isinstance(fields, dict) else (None, None)
    if type(number) is int and type(device) is int and 0 <= number < 2**63 and 0 <= device < 2**31:
        return number, device
    return NO_EVENT, NO_EVENT


def _end(consumer: Consumer, place: TopicPartition) -> int:
    """Return the offset after a partition's last readable record."""
    marks: Sequence[int] | None = consumer.get_watermark_offsets(place, timeout=ANSWER_TIMEOUT_S)
    if marks is None:
        raise ToolFailed(f"Kafka did not say within {ANSWER_TIMEOUT_S:g} s where {place.topic}-{place.partition} ends")
    return marks[1]


def _read_to_the_end(
    consumer: Consumer, topics: Sequence[str], ends: Mapping[tuple[str, int], int], deadline_s: float
) -> array[int]:
    """Read until every partition has reported an end at or behind the one known before."""
    columns: array[int] = array("q")
    index = {name: position for position, name in enumerate(topics)}
    unfinished = set(ends)
    while unfinished:
        if time.monotonic() > deadline_s:
            raise ToolFailed(f"Kafka's end was not reached in time: {len(unfinished)} partitions unread")
        for topic, partition, offset in _take(consumer.consume(READ_RECORDS, 1.0), index, columns):
            if offset >= ends[topic, partition]:
                unfinished.discard((topic, partition))
    return columns


def _take(messages: Iterable[Message], index: Mapping[str, int], columns: array[int]) -> list[tuple[str, int, int]]:
    """Append the messages' rows to `columns` and return the ends that were reported (topic, partition, offset)."""
    ends = []
    for message in messages:
        problem = message.error()
        topic, partition, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
        if problem is None:
            value = message.value() or b""
            columns.extend((*identify(value), index[topic], partition, offset, zlib.crc32(value)))
        elif problem.code() == KafkaError._PARTITION_EOF:
            ends.append((topic, partition, offset))
        elif problem.fatal() or not problem.retriable():
            raise KafkaException(problem)
    return ends
