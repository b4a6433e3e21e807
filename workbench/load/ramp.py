"""A ramp: events offered at a rate that grows linearly, whatever becomes of them; and how many are done.

Two programs offer one: ramp_events.py to Kafka, ramp_rows.py to Postgres. Both read the ramp's file and append a
sample every SAMPLE_S: how many events were offered until then, and how many of them are acknowledged or committed.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import orjson
from pydantic import TypeAdapter

from workbench.records.folder import dump_json, write_durably
from workbench.streams import stream
from workbench.workload import FloatArray, IntArray

SAMPLE_S: Final = 0.1
LEAD_S: Final = 2.0  # a program needs about a second of a free core before it can offer
FINISH_S: Final = 60.0  # longest wait for the answers to what was offered
EVENTS_MAX: Final = 5_000_000  # of one ramp: what is drawn beforehand is kept in memory


@dataclass(frozen=True)
class Ramp:
    """What is offered, to whom, and where the samples go. Times: epoch seconds, lengths in seconds."""

    client: Mapping[str, str]  # what a Kafka client needs, by librdkafka's names
    postgres_dsn: str
    partitions: Mapping[str, int]  # topic -> count
    shares: Mapping[str, float]  # topic -> share of the events
    event_bytes: int
    devices: int
    rate_per_s: float
    rate_end_per_s: float
    start_s: float
    lasts_s: float
    seed: int
    first_id: int  # of the events' ids: no event before had them
    samples: Path
    connections: int = 1  # to Postgres
    batch_events: int = 500  # of one transaction there

    @property
    def slope_per_s2(self) -> float:
        """Return by how much the rate grows each second."""
        return (self.rate_end_per_s - self.rate_per_s) / self.lasts_s

    @property
    def events(self) -> int:
        """Return how many events are offered in all."""
        return int((self.rate_per_s + self.rate_end_per_s) / 2.0 * self.lasts_s)

    def due(self, now_s: float) -> int:
        """Return how many events are due at an epoch time."""
        t_s = min(max(now_s - self.start_s, 0.0), self.lasts_s)
        return min(int(self.rate_per_s * t_s + self.slope_per_s2 * t_s**2 / 2.0), self.events)

    def rate_at(self, t_s: FloatArray | float) -> FloatArray:
        """Return the offered rate (events/s) at times after the start (s)."""
        return np.asarray(self.rate_per_s + self.slope_per_s2 * np.clip(t_s, 0.0, self.lasts_s))

    def drawn(self) -> tuple[tuple[str, ...], IntArray, IntArray]:
        """Return the topics' names, and for each event its topic's index and its device."""
        names = tuple(sorted(self.partitions))
        rng = stream(self.seed, "ramp")
        shares = np.array([self.shares.get(name, 0.0) for name in names])
        topics = rng.choice(len(names), self.events, p=shares / shares.sum())
        return names, topics, rng.integers(0, self.devices, self.events)

    def write(self, path: Path) -> None:
        """Write as JSON."""
        write_durably(path, dump_json(asdict(self) | {"samples": str(self.samples)}))


def read_ramp() -> Ramp:
    """Return the ramp whose file is this program's one argument."""
    return TypeAdapter(Ramp).validate_json(Path(sys.argv[1]).read_bytes())


def sample_line(t_s: float, offered: int, done: int) -> bytes:
    """Return one sample as a line of JSON."""
    return orjson.dumps({"t": t_s, "offered": offered, "done": done}, option=orjson.OPT_APPEND_NEWLINE)
