"""A hub of one set-up that ramps are offered to, and what it and the machine do meanwhile, second by second."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from workbench.errors import ToolFailed
from workbench.fault import RestartRule
from workbench.load.ramp import FINISH_S, LEAD_S, Ramp
from workbench.metrics.tables import FloatArray
from workbench.model.saturation import LoadedPath, SetUp
from workbench.observe.machine import MachineCollector
from workbench.observe.moments import Sample, seen
from workbench.observe.processors import ProcessorCollector
from workbench.records.samples import read_samples
from workbench.records.saturation import Second
from workbench.target.local import LocalHub, start
from workbench.topology.hub import HubTopology
from workbench.waiting import happens, sleep_until
from workbench.workload import Workload

TOPIC: Final = "saturation-{}"  # nobody consumes it
PROGRAM: Final = "ramp-"  # how the names of those who offer begin
DRAIN_S: Final = 120.0
DRAIN_POLL_S: Final = 0.25
DEVICES: Final = 500
ID_STEP: Final = 10_000_000  # ids of one ramp's events: more than it can have
PROGRAMS: Final[Mapping[LoadedPath, str]] = {
    LoadedPath.KAFKA: "workbench.load.ramp_events",
    LoadedPath.POSTGRES: "workbench.load.ramp_rows",
    LoadedPath.PIPELINE: "workbench.load.ramp_events",
}
CYCLE: Final = ("event-processor-", "redis", "postgres-1")  # names of what a consumer's cycle computes in


@dataclass(frozen=True)
class Course:
    """One ramp over time: t after its start (s), offered and done until then (events); machine samples (epoch s)."""

    ramp: Ramp
    program: str
    t_s: FloatArray
    offered: FloatArray
    done: FloatArray
    machine: list[Sample]
    cores: int

    def seconds(self, start_s: float, end_s: float, cycle: tuple[str, ...]) -> tuple[Second, ...]:
        """Return the machine's whole sample intervals between two times after the start; `cycle`: names' beginnings."""
        found = []
        for before, after in zip(self.machine, self.machine[1:], strict=False):
            begin_s, stop_s = before["t"] - self.ramp.start_s, after["t"] - self.ramp.start_s
            if begin_s >= start_s and stop_s <= end_s:
                took_s = stop_s - begin_s
                done = np.interp([begin_s, stop_s], self.t_s, self.done)
                busy = after["cpu_percent"] * self.cores / 100.0
                found.append(Second(float(done[1] - done[0]) / took_s, busy, _used(before, after, cycle) / took_s))
        return tuple(found)

    def stolen_percent(self, start_s: float, end_s: float) -> float:
        """Return the share of the machine's time that its host took between two times after the start."""
        inside = [each["steal_percent"] for each in self.machine if start_s <= each["t"] - self.ramp.start_s <= end_s]
        return float(np.mean(inside)) if inside else 0.0


class LoadedHub:
    """A hub that is up, and its collectors."""

    def __init__(self, hub: LocalHub, workload: Workload, folder: Path, seed: int, cores: int) -> None:
        self.hub = hub
        self._workload = workload
        self._folder = folder
        self._seed = seed
        self._cores = cores
        self._number = 0
        self._topics = 0
        partitions = len(hub.topology.partition_labels)
        self._machine = MachineCollector(folder, hub.machine_processes)
        self._processors = ProcessorCollector(folder, hub.endpoints.processor_metrics, partitions)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Collect from here to the end of the block."""
        collectors = (self._machine, self._processors)
        for each in collectors:
            each.start()
        try:
            yield
        finally:
            for each in collectors:
                each.stop()

    def renew_topic(self) -> None:
        """Create a topic that nobody consumes, with as many partitions as the hub's topics have together.

        The one before is deleted: what is in it, some 10 GB after a ramp, would fill the disk after several.
        """
        hub, before = self.hub, self._topic
        self._topics += 1
        hub.kafka.make_topic(self._topic, len(hub.topology.partition_labels), len(hub.topology.kafka.broker_ids))
        if self._topics > 1:
            hub.kafka.delete_topic(before)

    def offer(
        self,
        path: LoadedPath,
        event_bytes: int,
        rates_per_s: tuple[float, float],
        lasts_s: float,
        connections: int = 1,
        until_done: bool = False,
    ) -> Course:
        """Offer a ramp and return its course; with `until_done` it ends when everything offered is done.

        Raises ToolFailed when the program fails, or what it offered is not done in time.
        """
        self._number += 1
        program = f"{PROGRAM}{self._number}"
        ramp = self._ramp(path, event_bytes, rates_per_s, lasts_s, connections, program)
        file = self._folder / f"{program}.json"
        ramp.write(file)
        committed = self._committed()
        argv = [sys.executable, "-m", PROGRAMS[path], str(file)]
        self.hub.launch(program, argv, environment={}, stdout=self._folder / f"{program}.log")
        self._wait_for(program, ramp, until_done or path is not LoadedPath.PIPELINE)
        if until_done and path is LoadedPath.PIPELINE:
            self.drain(committed + ramp.events)
        return self._course(path, ramp, program, committed)

    def offer_all(
        self, set_up: SetUp, rates_per_s: tuple[float, float], lasts_s: float, renewed: bool = False
    ) -> Course:
        """Offer a set-up's ramp and leave nothing waiting behind; `renewed`: Kafka's into a new topic. See `offer`."""
        if renewed and set_up.path is LoadedPath.KAFKA:
            self.renew_topic()
        connections = max(1, set_up.consumers)
        return self.offer(set_up.path, set_up.event_bytes, rates_per_s, lasts_s, connections, until_done=True)

    def rest(self, lasts_s: float) -> list[Sample]:
        """Offer nothing for a while and return the machine's samples."""
        begun_s = time.time()
        sleep_until(begun_s + lasts_s)
        return [each for each in seen(read_samples(self._machine.path)) if each["t"] >= begun_s]

    def drain(self, committed: float) -> None:
        """Wait until so many events are committed in all. Raises ToolFailed when they are not in time."""
        if not happens(lambda: self._committed() >= committed, DRAIN_S, DRAIN_POLL_S):
            raise ToolFailed(f"{committed - self._committed():.0f} events are not committed after {DRAIN_S:.0f} s")

    @property
    def _topic(self) -> str:
        return TOPIC.format(self._topics)

    def _committed(self) -> float:
        latest = self._processors.latest
        return float(latest["events"]) if latest else 0.0

    def _ramp(
        self,
        path: LoadedPath,
        event_bytes: int,
        rates_per_s: tuple[float, float],
        lasts_s: float,
        connections: int,
        program: str,
    ) -> Ramp:
        topics = {topic.name: topic.partitions for topic in self.hub.topology.topics}
        own = path is LoadedPath.KAFKA
        return Ramp(
            client=self.hub.endpoints.kafka_client,
            postgres_dsn=self.hub.endpoints.postgres_dsn,
            partitions={self._topic: sum(topics.values())} if own else topics,
            shares={self._topic: 1.0} if own else self._workload.mix,
            event_bytes=event_bytes,
            devices=DEVICES,
            rate_per_s=rates_per_s[0],
            rate_end_per_s=rates_per_s[1],
            start_s=time.time() + LEAD_S,
            lasts_s=lasts_s,
            seed=self._seed,
            first_id=self._number * ID_STEP,
            samples=self._folder / f"{program}.jsonl",
            connections=connections,
        )

    def _wait_for(self, program: str, ramp: Ramp, answered: bool) -> None:
        """Wait until the program has ended, or only until everything is offered. Raises ToolFailed."""
        end_s = ramp.start_s + ramp.lasts_s
        ended = happens(
            lambda: not self.hub.running(program) or (not answered and time.time() >= end_s),
            LEAD_S + ramp.lasts_s + FINISH_S,
            DRAIN_POLL_S,
        )
        if not ended or (not self.hub.running(program) and self.hub.exit_code(program) != 0):
            raise ToolFailed(f"{program} failed: see {self._folder / (program + '.log')}")

    def _course(self, path: LoadedPath, ramp: Ramp, program: str, committed: float) -> Course:
        rows = read_samples(ramp.samples)
        t_s = np.array([row["t"] for row in rows]) - ramp.start_s
        offered, done = (np.array([float(row[name]) for row in rows]) for name in ("offered", "done"))
        if path is LoadedPath.PIPELINE:
            samples = seen(read_samples(self._processors.path))
            sampled_s = np.array([each["t"] for each in samples]) - ramp.start_s
            done = np.array([float(each["events"]) for each in samples]) - committed
            offered = np.interp(sampled_s, t_s, offered, left=0.0)
            t_s = sampled_s
        return Course(ramp, program, t_s, offered, done, seen(read_samples(self._machine.path)), self._cores)


def _used(before: Mapping[str, Any], after: Mapping[str, Any], names: tuple[str, ...]) -> float:
    return float(
        sum(
            max(0.0, used - before["cpu_s"].get(name, used))
            for name, used in after["cpu_s"].items()
            if name.startswith(names)
        )
    )


@contextmanager
def loaded_hub(
    topology: HubTopology,
    workload: Workload,
    processors: int,
    folder: Path,
    seed: int,
    cores: int,
    progress: Callable[[str], None],
) -> Iterator[LoadedHub]:
    """Yield an embedded hub of these manifests with so many event processors; it is gone afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = replace(
        topology,
        processors=replace(topology.processors, replicas=processors),
        placement={**_places(topology, processors), **topology.placement},
    )
    with start(wanted, seed=seed, restart=RestartRule.NONE, progress=progress) as hub:
        loaded = LoadedHub(hub, workload, folder, seed, cores)
        loaded.renew_topic()
        with loaded.watched():
            yield loaded


def _places(topology: HubTopology, processors: int) -> dict[str, str]:
    """Return a node for each event processor, also for those that the manifests do not have: one node after another."""
    nodes = topology.nodes
    return {f"event-processor-{number}": nodes[number % len(nodes)] for number in range(processors)}
