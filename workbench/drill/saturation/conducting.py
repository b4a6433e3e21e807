"""Finds by a ramp where a path saturates; what was predicted of it is sealed before."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np

from workbench.drill.run_record import host_json, utc_text
from workbench.drill.saturation.knee import Knee, knee
from workbench.drill.saturation.loaded import CYCLE, Course, LoadedHub, loaded_hub
from workbench.drill.saturation.measuring import was_measured
from workbench.errors import BadInput, ToolFailed
from workbench.load.ramp import EVENTS_MAX
from workbench.model.saturation import CORES_FULL, Demands, LoadedPath, Resource, Saturation, SetUp, saturation, spread
from workbench.model.saturation_fit import demands_of, draws_of
from workbench.records.folder import dump_json, write_durably
from workbench.records.saturation import FORMAT_VERSION, Measured, Ramped, write_ramped
from workbench.topology.hub import HubTopology
from workbench.workload import Workload

SAME_HOST: Final = ("system", "machine", "cores")
BEGINS: Final = 0.5  # of the predicted rate
ENDS: Final[Mapping[LoadedPath, float]] = {  # of the predicted rate
    LoadedPath.PIPELINE: 1.5,
    LoadedPath.POSTGRES: 1.5,
    LoadedPath.KAFKA: 2.5,  # batches grow beyond the knee and carry more: what is left behind grows slowly
}
LASTS_S: Final[Mapping[LoadedPath, float]] = {
    LoadedPath.PIPELINE: 60.0,
    LoadedPath.POSTGRES: 30.0,
    LoadedPath.KAFKA: 24.0,
}
STATIONS: Final[Mapping[LoadedPath, Resource]] = {  # what is saturated where the cores are not
    LoadedPath.PIPELINE: Resource.PROCESSOR,
    LoadedPath.POSTGRES: Resource.CONNECTION,
    LoadedPath.KAFKA: Resource.CLIENT,
}
WARM_UP_SHARE: Final = 0.3  # of the predicted rate
WARM_UP_S: Final = 5.0
AFTER_S: Final = 8.0  # from the knee on: what is busy then is saturated
DRAWS: Final = 200
INTERVAL: Final = (0.05, 0.95)
STEP_S: Final = 0.25
NO_KNEE: Final = "the backlog did not begin to grow: saturation lies above the ramp"


@dataclass(frozen=True)
class Seen:
    """One ramp, and where its backlog began to grow; None: nowhere."""

    course: Course
    knee: Knee | None

    @property
    def words(self) -> str:
        """Return what was found."""
        return NO_KNEE if self.knee is None else f"saturates at {self.knee.rate_per_s:.0f}/s"


def middle_of(found: Sequence[Seen]) -> Seen | None:
    """Return the ramp whose knee is in the middle, of two the lower; ramps without one saturate above all others."""
    in_order = sorted(found, key=lambda each: math.inf if each.knee is None else each.knee.rate_per_s)
    return in_order[(len(in_order) - 1) // 2] if in_order else None


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
            found.append(Seen(course, observed_knee(course)))
            progress(f"{words(set_up)}: {found[-1].words}")
    except ToolFailed as error:
        why_not = str(error)
    middle = None if why_not else middle_of(found)
    seen = None if middle is None else middle.knee
    why_not = why_not or ("" if seen else NO_KNEE)
    busy, stolen = _busy(None if middle is None else middle.course, seen)
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
        observed_per_s=round(seen.rate_per_s, 2) if seen else None,
        observed_90_per_s=seen.interval_90_per_s if seen else None,
        observed_resource=_resource(set_up, busy) if busy is not None else "",
        observed_busy_share=busy,
        stolen_percent=stolen,
        why_not=why_not,
        knees_per_s=tuple(None if each.knee is None else round(each.knee.rate_per_s, 2) for each in found),
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
    hub.offer(set_up.path, set_up.event_bytes, (warm, warm), WARM_UP_S, max(1, set_up.consumers), until_done=True)


def _offered(hub: LoadedHub, set_up: SetUp, expected_per_s: float) -> Course:
    """Offer the ramp, and leave nothing waiting behind. Raises ToolFailed."""
    if set_up.path is LoadedPath.KAFKA:
        hub.renew_topic()
    rates = (BEGINS * expected_per_s, ENDS[set_up.path] * expected_per_s)
    lasts_s = min(LASTS_S[set_up.path], 2.0 * EVENTS_MAX / sum(rates))
    return hub.offer(set_up.path, set_up.event_bytes, rates, lasts_s, max(1, set_up.consumers), until_done=True)


def observed_knee(course: Course) -> Knee | None:
    """Return where the ramp's backlog began to grow."""
    t_s = np.arange(0.0, course.ramp.lasts_s, STEP_S)
    backlog = np.interp(t_s, course.t_s, course.offered) - np.interp(t_s, course.t_s, course.done)
    return knee(t_s, backlog, course.ramp.rate_at, course.ramp.seed)


def _busy(course: Course | None, seen: Knee | None) -> tuple[float | None, float | None]:
    """Return the share of all cores that was busy right after the knee, and what the host took over the ramp."""
    if course is None:
        return None, None
    stolen = round(course.stolen_percent(0.0, course.ramp.lasts_s), 2)
    if seen is None:
        return None, stolen
    seconds = course.seconds(seen.at_s, min(seen.at_s + AFTER_S, course.ramp.lasts_s), CYCLE)
    busy = float(np.mean([each.busy_cores for each in seconds])) / course.cores if seconds else None
    return (None if busy is None else round(busy, 4)), stolen


def _resource(set_up: SetUp, busy_share: float) -> str:
    return (Resource.CORES if busy_share >= CORES_FULL else STATIONS[set_up.path]).value


def words(set_up: SetUp) -> str:
    """Return a set-up as words: "pipeline, 2 event processors, 400 bytes"."""
    consumers = {
        LoadedPath.PIPELINE: f", {set_up.consumers} event processors",
        LoadedPath.POSTGRES: f", {set_up.consumers} connections",
        LoadedPath.KAFKA: "",
    }[set_up.path]
    return f"{set_up.path.value}{consumers}, {set_up.event_bytes} bytes"
