"""Finds by a ramp where a path saturates; what was predicted of it is sealed before."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np

from workbench.drill.run_record import host_json, utc_text
from workbench.drill.saturation.loaded import CYCLE, Course, LoadedHub, loaded_hub
from workbench.drill.saturation.measuring import was_measured
from workbench.drill.saturation.throughput import Throughput, saturation_throughput
from workbench.errors import BadInput, ToolFailed
from workbench.load.ramp import EVENTS_MAX
from workbench.model.saturation import (
    CORES_FULL,
    Demands,
    LoadedPath,
    Resource,
    Saturation,
    SetUp,
    saturation,
    spread,
    words,
)
from workbench.model.saturation_fit import demands_of, draws_of
from workbench.records.folder import dump_json, write_durably
from workbench.records.saturation import FORMAT_VERSION, Measured, Ramped, write_ramped
from workbench.topology.hub import HubTopology
from workbench.workload import Workload

SAME_HOST: Final = ("system", "machine", "cores")
BEGINS: Final = 0.7  # of the predicted rate
ENDS: Final = 1.5
LASTS_S: Final = 45.0  # some 28 s of it above saturation: longer than the disk's write-back comes and goes
STATIONS: Final[Mapping[LoadedPath, Resource]] = {  # what is saturated where the cores are not
    LoadedPath.PIPELINE: Resource.PROCESSOR,
    LoadedPath.POSTGRES: Resource.CONNECTION,
    LoadedPath.KAFKA: Resource.CLIENT,
}
WARM_UP_SHARE: Final = 0.3  # of the predicted rate
WARM_UP_S: Final = 5.0
DRAWS: Final = 200
INTERVAL: Final = (0.05, 0.95)
STEP_S: Final = 0.25
NOT_SATURATED: Final = "what was offered did not saturate it: saturation lies above the ramp"


@dataclass(frozen=True)
class Seen:
    """One ramp, and what it saturated at; None: nothing."""

    course: Course
    throughput: Throughput | None

    @property
    def words(self) -> str:
        """Return what was found."""
        return NOT_SATURATED if self.throughput is None else f"saturates at {self.throughput.rate_per_s:.0f}/s"


@dataclass(frozen=True)
class Mean:
    """Of the ramps of a set-up, all of them saturated."""

    rate_per_s: float
    interval_90_per_s: tuple[float, float]
    busy_share: float


def mean_of(found: Sequence[Seen]) -> Mean | None:
    """Return the mean of some ramps; None where there is none, or one was not saturated: it has no number."""
    saturated = [(each.course, each.throughput) for each in found if each.throughput is not None]
    if not found or len(saturated) < len(found):
        return None
    draws = np.mean([seen.draws_per_s for _, seen in saturated], axis=0)
    low, high = (round(float(np.quantile(draws, share)), 2) for share in INTERVAL)
    rate_per_s = float(np.mean([seen.rate_per_s for _, seen in saturated]))
    return Mean(rate_per_s, (low, high), float(np.mean([_busy_share(course, seen) for course, seen in saturated])))


def _busy_share(course: Course, seen: Throughput) -> float:
    """Return the share of all cores that was busy while a ramp was saturated."""
    seconds = course.seconds(seen.since_s, course.ramp.lasts_s, CYCLE)
    return float(np.mean([each.busy_cores for each in seconds])) / course.cores


def find_saturations(
    set_ups: Sequence[SetUp],
    measured: Measured,
    measured_file: str,
    topology: HubTopology,
    workload: Workload,
    seed: int,
    folder: Path,
    progress: Callable[[str], None],
    times: int = 1,
) -> list[Ramped]:
    """Predict, seal and ramp each set-up on real servers; one hub for all that need as many event processors.

    Each record is written to `folder` as its last of `times` ramps ends. Raises BadInput for demands of another hub or
    machine, MachineTrouble where no hub can be had; a ramp that fails is a record without an observation.
    """
    if measured.manifests_sha256 != topology.manifests_sha256:
        raise BadInput(f"{measured_file} was measured with other manifests: measure again")
    here = host_json()
    if other := [name for name in SAME_HOST if measured.host.get(name) != here[name]]:
        raise BadInput(f"{measured_file} was measured on another machine (another {', '.join(other)}): measure again")
    demands, draws = demands_of(measured), draws_of(measured, DRAWS, seed)
    found = []
    for processors, group in groupby(sorted(set_ups, key=_processors), key=_processors):
        hub_folder = folder / f"hub-{processors}-{int(time.time())}"
        with loaded_hub(topology, workload, processors, hub_folder, seed, demands.cores, progress) as hub:
            shares = consumer_shares(hub, demands)
            for set_up in group:
                ramped = _ramp(hub, set_up, shares, (demands, draws), measured_file, folder, progress, times)
                write_ramped(folder / f"ramp-{ramped.run_id}.json", ramped)
                found.append(ramped)
    return found


def _processors(set_up: SetUp) -> int:
    return set_up.consumers if set_up.path is LoadedPath.PIPELINE else 1


def consumer_shares(hub: LoadedHub, demands: Demands) -> tuple[float, ...]:
    """Return the share of the events of each event processor, as its group has dealt out the partitions."""
    owners = hub.hub.partitions_of_processor()
    topics = sorted(hub.hub.topology.topics, key=lambda topic: topic.name)
    labels = [f"{topic.name}-{number}" for topic in topics for number in range(topic.partitions)]
    each = np.zeros(hub.hub.topology.processors.replicas)
    for label, share in zip(labels, demands.shares, strict=True):
        each[owners[label]] += share
    return tuple(float(share) for share in each)


def _ramp(
    hub: LoadedHub,
    set_up: SetUp,
    shares: tuple[float, ...],
    believed: tuple[Demands, Sequence[Demands]],
    measured_file: str,
    folder: Path,
    progress: Callable[[str], None],
    times: int,
) -> Ramped:
    demands, draws = believed
    expected = saturation(demands, set_up, shares)
    low, high = np.quantile(spread(draws, set_up, shares), INTERVAL).tolist()
    run_id = f"{int(time.time())}-{set_up.path.value}-{set_up.consumers}-{set_up.event_bytes}"
    sealed = _seal(folder / f"sealed-{run_id}.json", set_up, shares, expected, (low, high), measured_file)
    progress(f"{words(set_up)}: predicted {expected.rate_per_s:.0f}/s, {expected.resource.value}; seal {sealed[1][:8]}")
    why_not, found = "", []
    try:
        _warm_up(hub, set_up, expected.rate_per_s)
        for _ in range(times):
            course = _offered(hub, set_up, expected.rate_per_s)
            found.append(Seen(course, observed_throughput(course)))
            progress(f"{words(set_up)}: {found[-1].words}")
    except ToolFailed as error:
        why_not = str(error)
    mean = None if why_not else mean_of(found)
    why_not = why_not or ("" if mean else NOT_SATURATED)
    stolen = [each.course.stolen_percent(0.0, each.course.ramp.lasts_s) for each in found]
    return Ramped(
        format=FORMAT_VERSION,
        run_id=run_id,
        path=set_up.path.value,
        consumers=set_up.consumers,
        event_bytes=set_up.event_bytes,
        fitted=was_measured(set_up, demands.cores),
        consumer_shares=shares if set_up.path is LoadedPath.PIPELINE else (),
        predicted_per_s=round(expected.rate_per_s, 2),
        interval_90_per_s=(round(low, 2), round(high, 2)),
        predicted_resource=expected.resource.value,
        predicted_busy_share=round(expected.busy_share, 4),
        sealed_utc=sealed[0],
        seal_sha256=sealed[1],
        measured_file=measured_file,
        observed_per_s=round(mean.rate_per_s, 2) if mean else None,
        observed_90_per_s=mean.interval_90_per_s if mean else None,
        observed_resource=_resource(set_up, mean.busy_share) if mean else "",
        observed_busy_share=round(mean.busy_share, 4) if mean else None,
        stolen_percent=round(float(np.mean(stolen)), 2) if stolen else None,
        why_not=why_not,
        ramps_per_s=tuple(None if each.throughput is None else round(each.throughput.rate_per_s, 2) for each in found),
    )


def _seal(
    path: Path,
    set_up: SetUp,
    shares: Iterable[float],
    expected: Saturation,
    interval: tuple[float, float],
    measured_file: str,
) -> tuple[str, str]:
    """Write the prediction, flushed to disk; return when it was fixed and its SHA-256."""
    content = {
        "set_up": asdict(set_up),
        "shares": list(shares),
        "predicted": asdict(expected),
        "interval_90_per_s": interval,
        "measured": measured_file,
    }
    sha256 = write_durably(path, dump_json(content))
    return utc_text(time.time()), sha256


def _warm_up(hub: LoadedHub, set_up: SetUp, expected_per_s: float) -> None:
    warm = WARM_UP_SHARE * expected_per_s
    hub.offer_all(set_up, (warm, warm), WARM_UP_S)


def _offered(hub: LoadedHub, set_up: SetUp, expected_per_s: float) -> Course:
    """Offer the ramp, and leave nothing waiting behind. Raises ToolFailed."""
    rates = (BEGINS * expected_per_s, ENDS * expected_per_s)
    return hub.offer_all(set_up, rates, min(LASTS_S, 2.0 * EVENTS_MAX / sum(rates)), renewed=True)


def observed_throughput(course: Course) -> Throughput | None:
    """Return what a ramp saturated at."""
    t_s = np.arange(0.0, course.ramp.lasts_s, STEP_S)
    backlog = np.interp(t_s, course.t_s, course.offered) - np.interp(t_s, course.t_s, course.done)
    return saturation_throughput(t_s, backlog, course.ramp.rate_at, course.ramp.seed)


def _resource(set_up: SetUp, busy_share: float) -> str:
    return (Resource.CORES if busy_share >= CORES_FULL else STATIONS[set_up.path]).value
