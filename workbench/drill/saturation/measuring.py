"""Measures what events take on this machine: event processors that have more than they can do, records all at once.

About four minutes. Nothing of it is a ramp, and only set-ups with one and two event processors, or rows over one
connection and over as many as there are cores, are measured: predictions of all others are of set-ups that were not.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Final

import numpy as np
import psutil

from workbench.drill.run_record import git_state, host_json, utc_text
from workbench.drill.saturation.loaded import CYCLE, Course, LoadedHub, loaded_hub
from workbench.errors import MachineTrouble, ToolFailed
from workbench.model.saturation import LoadedPath, SetUp, partition_shares
from workbench.records.saturation import FORMAT_VERSION, Kind, Measured, Second, Stretch
from workbench.topology.hub import HubTopology
from workbench.workload import Workload

SIZES_BYTES: Final = (400, 1600)
REST_S: Final = 6.0
RESTING_CORES_MAX: Final = 1.0  # an idle hub of three brokers took 0.4 to 0.6, measured by this program
PROCESSORS: Final = (1, 2)
CONTENDED_PER_S: Final = (2400.0, 3200.0)  # more than two processors take beside those who bring it
CONTENDED_S: Final = 8.0
SETTLED_S: Final = 2.0  # after a stretch's begin: connections, buffers, code that is not compiled yet
BURST: Final = 300_000  # records
BURST_S: Final = 0.1
BURST_DONE: Final = 0.98  # of them: what the last ones take is not what many take
WARM_UP_EVENTS: Final = 4000
WARM_UP_S: Final = 4.0
ROWS: Final = 15_000
ROWS_S: Final = 0.1
LAST_EVENTS: Final = 1000  # of the rows: when fewer wait, batches are no longer full
SECONDS_MIN: Final = 2


def measure(
    topology: HubTopology, workload: Workload, seed: int, folder: Path, progress: Callable[[str], None]
) -> Measured:
    """Measure on a hub of its own, which is gone afterwards. Raises MachineTrouble or ToolFailed where it cannot."""
    cores = psutil.cpu_count() or 1
    partitions = {topic.name: topic.partitions for topic in topology.topics}
    stretches: list[Stretch] = []
    for processors in PROCESSORS:
        with loaded_hub(topology, workload, processors, folder / f"{processors}", seed, cores, progress) as hub:
            progress("warming up")
            warm_up_per_s = WARM_UP_EVENTS / WARM_UP_S
            for path in (LoadedPath.PIPELINE, LoadedPath.KAFKA):
                hub.offer(path, SIZES_BYTES[0], (warm_up_per_s, warm_up_per_s), WARM_UP_S, until_done=True)
            if not stretches:
                stretches = [_rest(hub, cores), *_alone(hub, cores, progress)]
            for event_bytes in SIZES_BYTES:
                progress(f"{processors} event processors, {event_bytes} bytes")
                stretches += [_contended(hub, event_bytes, processors, rate) for rate in CONTENDED_PER_S]
            versions = dict(hub.hub.record.versions)
    return Measured(
        FORMAT_VERSION,
        utc_text(datetime.datetime.now(datetime.UTC).timestamp()),
        cores,
        partition_shares(workload.mix, partitions),
        tuple(stretches),
        host_json(),
        versions,
        topology.manifests_sha256,
        git_state(),
    )


def was_measured(set_up: SetUp, cores: int) -> bool:
    """Tell whether a set-up is one that the demands are measured on."""
    consumers = {LoadedPath.KAFKA: (0,), LoadedPath.PIPELINE: PROCESSORS, LoadedPath.POSTGRES: (1, cores)}[set_up.path]
    return set_up.event_bytes in SIZES_BYTES and set_up.consumers in consumers


def _rest(hub: LoadedHub, cores: int) -> Stretch:
    """Return what is busy while nothing is offered. Raises MachineTrouble where that is more than an idle hub."""
    samples = hub.rest(REST_S)
    seconds = tuple(Second(0.0, each["cpu_percent"] * cores / 100.0, 0.0) for each in samples[1:])
    busy = fmean(each.busy_cores for each in seconds) if seconds else 0.0
    if busy > RESTING_CORES_MAX:
        raise MachineTrouble(
            f"{busy:.1f} of {cores} cores are busy while nothing is offered, an idle hub takes {RESTING_CORES_MAX:g} "
            "at most: somebody else works on this machine, measure when it is idle"
        )
    return _stretch(Kind.REST, 0, 0, seconds)


def _alone(hub: LoadedHub, cores: int, progress: Callable[[str], None]) -> list[Stretch]:
    """Return what does not go through the event processors: records, rows."""
    found = []
    for event_bytes in SIZES_BYTES:
        progress(f"records and rows of {event_bytes} bytes")
        found.append(_stretch(Kind.BURST, event_bytes, 0, _burst(hub, event_bytes)))
        for connections in sorted({1, cores}):
            found.append(_stretch(Kind.ROWS, event_bytes, connections, _rows(hub, event_bytes, connections)))
    return found


def _contended(hub: LoadedHub, event_bytes: int, processors: int, rate_per_s: float) -> Stretch:
    """Offer more events than the processors take and return the seconds in which all of them have enough to do."""
    course = hub.offer(LoadedPath.PIPELINE, event_bytes, (rate_per_s, rate_per_s), CONTENDED_S, until_done=True)
    return _stretch(Kind.CONTENDED, event_bytes, processors, course.seconds(SETTLED_S, CONTENDED_S, CYCLE))


def _burst(hub: LoadedHub, event_bytes: int) -> tuple[Second, ...]:
    """Offer records all at once and return the seconds in which they are produced and acknowledged."""
    rate_per_s = BURST / BURST_S
    course = hub.offer(LoadedPath.KAFKA, event_bytes, (rate_per_s, rate_per_s), BURST_S)
    done_s = float(course.t_s[np.searchsorted(course.done, BURST_DONE * course.ramp.events)])
    return course.seconds(0.0, done_s, ("none of them",))


def _rows(hub: LoadedHub, event_bytes: int, connections: int) -> tuple[Second, ...]:
    rate_per_s = ROWS * connections / ROWS_S
    course = hub.offer(LoadedPath.POSTGRES, event_bytes, (rate_per_s, rate_per_s), ROWS_S, connections)
    return course.seconds(ROWS_S + 0.5, _last_full_s(course), ("postgres-1", course.program))


def _last_full_s(course: Course) -> float:
    """Return until when (s after the start) enough of a backlog waits for full batches."""
    left = course.ramp.events - course.done
    full = course.t_s[left > LAST_EVENTS * course.ramp.connections]
    return float(full[-1]) if len(full) else 0.0


def _stretch(kind: Kind, event_bytes: int, consumers: int, seconds: tuple[Second, ...]) -> Stretch:
    if len(seconds) < SECONDS_MIN:
        raise ToolFailed(f"{kind.value}, {event_bytes} bytes: over after {len(seconds)} whole seconds, too few to tell")
    return Stretch(kind, event_bytes, consumers, seconds)
