"""What a hub held before a drill: its events are not the drill's, and nobody else's ids may be taken for them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from workbench.ledger.kafka_records import end_offsets
from workbench.ledger.postgres_rows import count_rows, highest_sequence
from workbench.topology.hub import HubTopology

# Ids of a drill before may have been sent and never stored, or wait in Kafka still.
FREE_IDS: Final = 1 << 24


class Doors(Protocol):
    """Where Kafka and Postgres answer."""

    @property
    def kafka_reader(self) -> Mapping[str, str]:
        """Return what a reading Kafka client needs, by librdkafka's names."""

    @property
    def postgres_dsn(self) -> str:
        """Return the primary's connection string."""


@dataclass(frozen=True)
class Before:
    """Where a drill's own events begin; of a fresh hub everywhere at the beginning."""

    offsets: Mapping[str, int] = field(default_factory=dict)  # by "topic-partition"
    rows: int = 0  # of its topics in Postgres
    since_s: float = 0.0  # epoch
    first_sequence: int = 0  # of each source's ids


FRESH: Final = Before()


def look_before(endpoints: Doors, topology: HubTopology) -> Before:
    """Return where the events of a load that starts now begin. Raises ToolFailed when a server does not answer.

    Events that wait in Kafka count as written before, and their rows as the drill's: look when nothing waits.
    """
    partitions = {topic.name: topic.partitions for topic in topology.topics}
    return Before(
        offsets=end_offsets(endpoints.kafka_reader, partitions),
        rows=count_rows(endpoints.postgres_dsn, sorted(partitions)),
        since_s=time.time(),
        first_sequence=highest_sequence(endpoints.postgres_dsn) + FREE_IDS,
    )
