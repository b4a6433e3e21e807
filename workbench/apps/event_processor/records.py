"""Records of Kafka to events; what is no event becomes a dead letter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

import orjson

ID_MAX: Final = 2**63 - 1  # bigint
DEVICE_MAX: Final = 2**31 - 1  # integer
REASON_NO_JSON: Final = "no JSON object"
REASON_NO_ID: Final = "no id between 0 and 2^63-1"
REASON_NO_DEVICE: Final = "no device between 0 and 2^31-1"


class Record(Protocol):
    """What is read of a Kafka message."""

    def topic(self) -> str | None:
        """Return the topic's name."""

    def partition(self) -> int | None:
        """Return the partition."""

    def offset(self) -> int | None:
        """Return the offset."""

    def value(self) -> bytes | None:
        """Return the body, None for a tombstone."""


class Event(NamedTuple):
    """One event of a device and where Kafka keeps it."""

    id: int
    topic: str
    partition: int
    offset: int
    device: int
    state: str
    body: str


class DeadLetter(NamedTuple):
    """A record that is no event."""

    topic: str
    partition: int
    offset: int
    reason: str
    value: bytes


@dataclass
class Batch:
    """The records of one database transaction."""

    events: list[Event] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.events) + len(self.dead_letters)

    def next_offsets(self) -> dict[tuple[str, int], int]:
        """Return, per topic and partition, the offset after the batch's last record."""
        following: dict[tuple[str, int], int] = {}
        placed: list[Event | DeadLetter] = [*self.events, *self.dead_letters]
        for item in placed:
            place = (item.topic, item.partition)
            following[place] = max(following.get(place, 0), item.offset + 1)
        return following

    def counts(self) -> Counter[str]:
        """Return how many events each topic has."""
        return Counter(event.topic for event in self.events)


def to_batch(records: Iterable[Record]) -> Batch:
    """Return records as a batch; a malformed record never raises."""
    batch = Batch()
    for record in records:
        parsed = parse(record)
        if isinstance(parsed, Event):
            batch.events.append(parsed)
        else:
            batch.dead_letters.append(parsed)
    return batch


def parse(record: Record) -> Event | DeadLetter:
    """Return a record as an event, or as a dead letter with the reason."""
    topic, partition, offset = record.topic() or "", record.partition() or 0, record.offset() or 0
    value = record.value() or b""
    try:
        fields = orjson.loads(value)
    except orjson.JSONDecodeError:
        fields = None
    if not isinstance(fields, dict):
        return DeadLetter(topic, partition, offset, REASON_NO_JSON, value)
    number, device = fields.get("id"), fields.get("device")
    if type(number) is not int or not 0 <= number <= ID_MAX:
        return DeadLetter(topic, partition, offset, REASON_NO_ID, value)
    if type(device) is not int or not 0 <= device <= DEVICE_MAX:
        return DeadLetter(topic, partition, offset, REASON_NO_DEVICE, value)
    return Event(number, topic, partition, offset, device, str(fields.get("state", "")), value.decode())
