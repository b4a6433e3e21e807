"""Measures what events take on this machine, while somewhat more of them is offered than can be done.

About twelve minutes. Nothing of it is a ramp, and only set-ups with one and two event processors, or rows over one
connection and over as many as there are cores, are measured: predictions of all others are of set-ups that were not.
How much is more is found first, by offering some at once. Twice as much would not do: whoever offers it takes it from
those who do the work.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import fmean
from typing import Final

import numpy as np
import psutil

from workbench.drill.run_record import git_state, host_json, utc_text
from workbench.drill.saturation.loaded import CYCLE, PROGRAM, LoadedHub, loaded_hub
from workbench.errors import MachineTrouble, ToolFailed
from workbench.model.saturation import LoadedPath, SetUp, partition_shares, words
from workbench.records.saturation import FORMAT_VERSION, Kind, Measured, Second, Stretch
from workbench.topology.hub import HubTopology
from workbench.workload import Workload

SIZES_BYTES: Final = (400, 1600)
REST_S: Final = 12.0
RESTING_CORES_MAX: Final = 1.0  # an idle hub of three brokers took 0.4 to 0.6, measured by this program
PROCESSORS: Final = (1, 2)
AT_ONCE: Final[Mapping[LoadedPath, int]] = {  # events, a few seconds' worth
    LoadedPath.KAFKA: 300_000,
    LoadedPath.POSTGRES: 10_000,
    LoadedPath.PIPELINE: 6_000,
}
AT_ONCE_S: Final = 0.1
AT_ONCE_DONE: Final = 0.98  # of them: what the last ones take is not what many take
OFFERED: Final = 1.25  # of what was done before, as a ramp to 1.5 times offers on average above saturation
OFFERED_S: Final = 30.0  # the disk's write-back comes and goes in 15 to 20 s, seen by this program on two machines
SATURATED: Final = (1.03, 1.6)  # offered by done: less is not saturated, more is another load
ATTEMPTS: Final = 4
SETTLED_S: Final = 2.0  # after a stretch's begin: connections, buffers, code that is not compiled yet
WARM_UP_EVENTS: Final = 4000
WARM_UP_S: Final = 4.0
SECONDS_MIN: Final = 10
KINDS: Final[Mapping[LoadedPath, tuple[Kind, tuple[str, ...]]]] = {  # and whose computing is a consumer's cycle
    LoadedPath.KAFKA: (Kind.RECORDS, ()),
    LoadedPath.POSTGRES: (Kind.ROWS, ("postgres-1", PROGRAM)),
    LoadedPath.PIPELINE: (Kind.CONTENDED, CYCLE),
}


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
                stretches.append(_saturated(hub, SetUp(LoadedPath.PIPELINE, processors, event_bytes), progress))
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
    return [
        _saturated(hub, SetUp(path, consumers, event_bytes), progress)
        for event_bytes in SIZES_BYTES
        for path, consumers in (
            (LoadedPath.KAFKA, 0),
            *((LoadedPath.POSTGRES, number) for number in sorted({1, cores})),
        )
    ]


def _saturated(hub: LoadedHub, set_up: SetUp, progress: Callable[[str], None]) -> Stretch:
    """Offer somewhat more than can be done and return the seconds of it. Raises ToolFailed where that is not found."""
    kind, cycle = KINDS[set_up.path]
    done_per_s = _at_once_per_s(hub, set_up)
    for _ in range(ATTEMPTS):
        offered_per_s = OFFERED * done_per_s
        progress(f"{words(set_up)}: {offered_per_s:.0f}/s offered")
        course = hub.offer_all(set_up, (offered_per_s, offered_per_s), OFFERED_S, renewed=True)
        done_per_s = float(np.interp(OFFERED_S, course.t_s, course.done)) / OFFERED_S
        if SATURATED[0] <= offered_per_s / done_per_s <= SATURATED[1]:
            return _stretch(kind, set_up.event_bytes, set_up.consumers, course.seconds(SETTLED_S, OFFERED_S, cycle))
    raise ToolFailed(f"{words(set_up)}: no rate found that is a quarter more than is done, last {offered_per_s:.0f}/s")


def _at_once_per_s(hub: LoadedHub, set_up: SetUp) -> float:
    """Offer some events at once and return how many of them are done a second."""
    count = AT_ONCE[set_up.path] * (set_up.consumers if set_up.path is LoadedPath.POSTGRES else 1)
    rate_per_s = count / AT_ONCE_S
    course = hub.offer_all(set_up, (rate_per_s, rate_per_s), AT_ONCE_S)
    done = AT_ONCE_DONE * course.ramp.events
    return done / float(course.t_s[np.searchsorted(course.done, done)])


def _stretch(kind: Kind, event_bytes: int, consumers: int, seconds: tuple[Second, ...]) -> Stretch:
    if len(seconds) < SECONDS_MIN:
        raise ToolFailed(f"{kind.value}, {event_bytes} bytes: over after {len(seconds)} whole seconds, too few to tell")
    return Stretch(kind, event_bytes, consumers, seconds)
