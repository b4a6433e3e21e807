"""LoadPlan: everything the load's subprocesses need to know, as one file; and how they are started and stopped."""

from __future__ import annotations

import math
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from workbench.errors import BadInput, Problem
from workbench.records.folder import dump_json, load_json, write_durably
from workbench.records.load_burst import LoadBurst, read_burst
from workbench.streams import stream
from workbench.workload import (
    CANARY_SOURCE,
    EVENT_BYTES_MIN,
    SOURCE_SHIFT,
    FloatArray,
    IntArray,
    Schedule,
    Workload,
    burst_schedule,
    canary_schedule,
    schedule,
)

PLAN_VARIABLE: Final = "HUB_WORKBENCH_LOAD_PLAN"  # environment: path of the plan's file
SECRET_VARIABLE: Final = "HUB_WORKBENCH_GATEWAY_SECRET"  # environment: what the readers log in with
SOURCE_VARIABLE: Final = "HUB_WORKBENCH_LOAD_SOURCE"  # environment: which source a load worker is
STOP_FILE: Final = "stop.json"
STOP_POLL_S: Final = 0.25  # how often the subprocesses look for the stop file
FLUSH_MAX_S: Final = 60.0  # longest wait for answers after the last send
WORKERS_WAIT_S: Final = 60  # how long the Locust master waits for its workers
ACKS: Final = ("all", "1", "0")
START_LEAD_S: Final = 7.0  # the subprocesses need 3 to 4 s of two free cores before they can send; later is sent late
LOCUSTFILE: Final = Path(__file__).with_name("locustfile.py")
READERS_LOCUSTFILE: Final = Path(__file__).with_name("readers_locustfile.py")


@dataclass(frozen=True)
class Share:
    """One source's part of the schedule, in order of the sequence. Times: epoch seconds."""

    source: int
    intended_s: FloatArray
    topic: IntArray  # index into the topics' names in sorted order
    device: IntArray
    partition: IntArray
    first_sequence: int = 0  # of its ids

    def __len__(self) -> int:
        return len(self.intended_s)

    def merged_with(self, more: Share) -> Share:
        """Return this share with more events among its own, by time."""
        order = np.argsort(np.concatenate([self.intended_s, more.intended_s]), kind="stable")
        columns = ("intended_s", "topic", "device", "partition")
        both = (np.concatenate([getattr(self, name), getattr(more, name)])[order] for name in columns)
        intended_s, topic, device, partition = both
        return Share(self.source, intended_s, topic, device, partition, self.first_sequence)

    def ids(self, sequence: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the event ids of these positions of the share."""
        return sequence + self.first_sequence + (self.source << SOURCE_SHIFT)


@dataclass(frozen=True)
class Reads:
    """The readers' intended requests, ordered by time. Times: epoch seconds."""

    intended_s: FloatArray
    device: IntArray


@dataclass(frozen=True)
class LoadPlan:
    """What is to be offered, to whom, and where it is logged. Times: epoch seconds, lengths in seconds."""

    client: Mapping[str, str]  # what a Kafka client needs, by librdkafka's names
    partitions: Mapping[str, int]  # topic -> count
    workload: Workload
    seed: int
    start_s: float  # the schedule's zero
    horizon_s: float  # longest run; part of what the seed draws, so every reader needs the same
    ledger: Path  # folder of the write logs
    load: Path  # folder of stop file, counts and Locust's own JSON
    workers: int = 2
    calibration_burst: bool = False
    burst_factor: float = 1.0  # how many times the rate a burst has, whenever one is asked for
    burst_s: float = 0.0  # how long it lasts
    first_sequence: int = 0  # of each source's ids: no event before this load had them
    gateway_url: str = ""  # http://host:port; needed where the workload has readers

    @property
    def topics(self) -> tuple[str, ...]:
        """Return the topics' names in the order that topic indices mean."""
        return tuple(sorted(self.partitions))

    @property
    def sources(self) -> tuple[int, ...]:
        """Return every source: the canary, then the load workers."""
        return (CANARY_SOURCE, *range(1, self.workers + 1))

    def share(self, source: int) -> Share:
        """Return a source's share: the canary's writes, or every `workers`-th event of the devices.

        Once a burst was asked for, what it puts on top is among them.
        """
        if source == CANARY_SOURCE:
            return self._share(source, canary_schedule(self.partitions, 0.0, self.horizon_s), slice(None))
        part = slice(source - 1, None, self.workers)
        usual, burst = self._share(source, self._devices, part), read_burst(self.load)
        return usual.merged_with(self._share(source, self._on_top(burst), part)) if burst.begin_s < math.inf else usual

    def _on_top(self, burst: LoadBurst) -> Schedule:
        """Return what a burst adds: drawn for its whole length, and cut where it was ended early."""
        begin_s = burst.begin_s - self.start_s
        rng = stream(self.seed, "load-burst")
        end_s, factor = begin_s + self.burst_s, self.burst_factor
        drawn = burst_schedule(self.workload, self.partitions, rng, begin_s, end_s, factor)
        sent = slice(int(np.searchsorted(drawn.intended_s, burst.end_s - self.start_s)))
        return Schedule(drawn.intended_s[sent], drawn.topic[sent], drawn.device[sent], drawn.partition[sent])

    @cached_property
    def _devices(self) -> Schedule:
        """The whole schedule of the devices, drawn once: the same in every process."""
        rng = stream(self.seed, "load")
        return schedule(self.workload, self.partitions, rng, 0.0, self.horizon_s, self.calibration_burst)

    def reads(self) -> Reads:
        """Return what the readers ask for, drawn from a stream of its own: any device, at any time."""
        readers = self.workload.readers
        rng = stream(self.seed, "readers")
        count = rng.poisson(readers.requests_per_s * self.horizon_s) if readers else 0
        intended_s = self.start_s + np.sort(rng.uniform(0.0, self.horizon_s, count))
        return Reads(intended_s, rng.integers(0, self.workload.devices, count))

    def _share(self, source: int, events: Schedule, part: slice) -> Share:
        intended_s = self.start_s + events.intended_s[part]
        columns = events.topic[part], events.device[part], events.partition[part]
        return Share(source, intended_s, *columns, first_sequence=self.first_sequence)

    def write(self, path: Path) -> None:
        """Write as JSON, whole or not at all. Raises BadInput for a plan that cannot be carried out."""
        problems = self.problems(path)
        if problems:
            raise BadInput(f"{path} is no load plan", problems)
        write_durably(path, dump_json(asdict(self) | {"ledger": str(self.ledger), "load": str(self.load)}))

    def problems(self, path: Path) -> list[Problem]:
        """Return everything about the values that cannot be carried out."""
        unknown = sorted(set(self.workload.mix) - set(self.partitions))
        offered = sum(share for topic, share in self.workload.mix.items() if topic in self.partitions)
        checks = [
            ("partitions", dict(self.partitions), min(self.partitions.values(), default=0) > 0, "topics, each > 0"),
            ("workload.mix", unknown, not unknown, "only topics that have partitions"),
            ("workload.mix", offered, offered > 0.0, "shares of the topics, in sum above 0"),
            ("workload.event_bytes", self.workload.event_bytes, self.workload.event_bytes >= EVENT_BYTES_MIN, ""),
            ("workload.devices", self.workload.devices, self.workload.devices > 0, "a number above 0"),
            ("workload.acks", self.workload.acks, self.workload.acks in ACKS, "one of all, 1, 0"),
            (
                "gateway_url",
                self.gateway_url,
                not self.workload.readers or bool(self.gateway_url),
                "an address: there are readers",
            ),
            ("workers", self.workers, self.workers > 0, "a number above 0"),
            ("burst_factor", self.burst_factor, self.burst_factor >= 1.0, "a number from 1"),
            ("horizon_s", self.horizon_s, 0.0 < self.horizon_s < math.inf, "a number of seconds above 0"),
        ]
        return [
            Problem(str(path), key, str(value), bound or f"at least {EVENT_BYTES_MIN}")
            for key, value, good, bound in checks
            if not good
        ]


def read_plan(path: Path) -> LoadPlan:
    """Return the plan of a file. Raises BadInput with every problem at once, FileNotFoundError without a file."""
    try:
        plan = TypeAdapter(LoadPlan).validate_python(load_json(path))
    except ValidationError as error:
        problems = [
            Problem(str(path), ".".join(str(part) for part in each["loc"]), str(each["input"])[:80], each["msg"])
            for each in error.errors()
        ]
        raise BadInput(f"{path} is no load plan", problems) from error
    problems = plan.problems(path)
    if problems:
        raise BadInput(f"{path} is no load plan", problems)
    return plan


def commands(plan_path: Path, gateway_secret: str = "") -> list[tuple[str, list[str], dict[str, str]]]:
    """Return name, argv and environment of each subprocess: Locust master and workers, canary, and any readers.

    Start them START_LEAD_S ahead of the plan's `start_s`: what is due before they are ready is sent late.
    SIGTERM to the master stops the whole run, to a worker or the canary that source alone.
    """
    plan = read_plan(plan_path)
    port = str(_free_port())
    environment = {PLAN_VARIABLE: str(plan_path)}
    locust = [sys.executable, "-m", "locust", "--locustfile", str(LOCUSTFILE), "--headless", "--only-summary"]
    master = [*locust, "--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port]
    master += ["--expect-workers", str(plan.workers), "--expect-workers-max-wait", str(WORKERS_WAIT_S)]
    # Locust adds .json to this name.
    master += ["--json-file", str(plan.load / "locust")]
    worker = [*locust, "--worker", "--master-host", "127.0.0.1", "--master-port", port]
    readers = [sys.executable, "-m", "locust", "--locustfile", str(READERS_LOCUSTFILE), "--headless", "--only-summary"]
    readers += ["--host", plan.gateway_url, "--json-file", str(plan.load / "readers-locust")]
    return [
        ("locust-master", master, environment),
        *(
            (f"locust-worker-{source}", worker, environment | {SOURCE_VARIABLE: str(source)})
            for source in plan.sources
            if source != CANARY_SOURCE
        ),
        ("canary", [sys.executable, "-m", "workbench.load.canary"], environment),
        *([("readers", readers, environment | {SECRET_VARIABLE: gateway_secret})] if plan.workload.readers else []),
    ]


def _free_port() -> int:
    """Return a loopback TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def write_stop(load: Path, stop_s: float) -> None:
    """Ask the load to stop: events intended at or after `stop_s` (epoch) are not planned.

    A moment of at least STOP_POLL_S ahead lets every subprocess stop at exactly the same event.
    """
    write_durably(load / STOP_FILE, dump_json({"stop_s": stop_s}))


def read_stop(load: Path) -> float:
    """Return the stop moment (epoch), infinity while nobody asked for one."""
    try:
        return float(load_json(load / STOP_FILE)["stop_s"])
    except FileNotFoundError:
        return math.inf


class StopWatch:
    """The moment to stop: looks for the stop file at most every STOP_POLL_S; `now` stops at once."""

    def __init__(self, load: Path) -> None:
        self._load = load
        self._stop_s = math.inf
        self._next_look_s = -math.inf

    def stop_s(self) -> float:
        """Return the stop moment known by now (epoch), infinity if none."""
        if time.monotonic() >= self._next_look_s:
            self._next_look_s = time.monotonic() + STOP_POLL_S
            self._stop_s = min(self._stop_s, read_stop(self._load))
        return self._stop_s

    def now(self) -> None:
        """Stop at this moment, whatever the file says."""
        self._stop_s = min(self._stop_s, time.time())


class BurstWatch:
    """A source's share, anew whenever a burst was asked for or ended; looks at most every STOP_POLL_S."""

    def __init__(self, plan: LoadPlan, source: int) -> None:
        self._plan = plan
        self._source = source
        self._known = read_burst(plan.load)
        self._next_look_s = -math.inf

    def changed(self) -> Share | None:
        """Return the share if it is another one than at the last look."""
        if time.monotonic() < self._next_look_s:
            return None
        self._next_look_s = time.monotonic() + STOP_POLL_S
        known, self._known = self._known, read_burst(self._plan.load)
        return None if self._known == known else self._plan.share(self._source)


def counts_path(load: Path, source: int) -> Path:
    """Return where a source writes its own counts, as the very last thing it does."""
    return load / f"counts-{source}.json"


def write_counts(load: Path, source: int, counts: Mapping[str, int]) -> None:
    """Write a source's own counts: planned, sent, not_sent, ok, failed, unknown."""
    write_durably(counts_path(load, source), dump_json({"source": source} | dict(counts)))
