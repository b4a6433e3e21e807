"""The hub's traffic: mix, rate profiles and the exact schedule of intended sends.

Model and load generator read the same functions, so they cannot disagree about what was offered. The
load is open: an event's intended time never depends on how the hub answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from workbench.errors import BadInput

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Sort = Callable[[FloatArray], FloatArray]  # np.sort, or what gives the same sooner where compiled loops are at hand

SOURCE_SHIFT: Final = 40  # event id = source << 40 | sequence; source 0 is the canary, 1.. load workers
CANARY_SOURCE: Final = 0
CANARY_WRITES_PER_S: Final = 4.0  # to every partition
BURST_FACTOR: Final = 4.0  # calibration burst, times the baseline rate
BURST_S: Final = 20.0
EVENT_BYTES_MIN: Final = 200  # the body's fixed fields, with room for topic names of up to 60 characters
PACED_GRID_S: Final = 1e-3  # paced arrivals: step of the numerical integral of the rate


class ProfileKind(StrEnum):
    """Shapes of the offered rate over time."""

    CONSTANT = "constant"
    RAMP = "ramp"  # linear from rate_per_s to rate_end_per_s over duration_s, then constant
    DAILY = "daily"  # sinusoid around rate_per_s, relative amplitude, period duration_s
    BURST = "burst"  # rate_per_s, times `factor` from start_s for duration_s


class ClientLibrary(StrEnum):
    """What producers and consumers are written with. The drill's load is librdkafka's."""

    LIBRDKAFKA = "librdkafka"
    JAVA = "java"


@dataclass(frozen=True)
class RateProfile:
    """Offered events/s as a function of seconds since the load's start."""

    kind: ProfileKind
    rate_per_s: float
    rate_end_per_s: float = 0.0
    duration_s: float = 0.0
    start_s: float = 0.0
    factor: float = 1.0
    amplitude: float = 0.0  # daily: 0 .. 1

    def rate_at(self, t_s: FloatArray) -> FloatArray:
        """Return the offered rate (events/s) at each time of `t_s`."""
        t_s = np.asarray(t_s, dtype=np.float64)
        match self.kind:
            case ProfileKind.CONSTANT:
                return np.full_like(t_s, self.rate_per_s)
            case ProfileKind.RAMP:
                share = np.clip(t_s / self.duration_s, 0.0, 1.0)
                return self.rate_per_s + share * (self.rate_end_per_s - self.rate_per_s)
            case ProfileKind.DAILY:
                return self.rate_per_s * (1.0 + self.amplitude * np.sin(2.0 * np.pi * t_s / self.duration_s))
            case ProfileKind.BURST:
                inside = (t_s >= self.start_s) & (t_s < self.start_s + self.duration_s)
                return np.where(inside, self.rate_per_s * self.factor, self.rate_per_s)

    @property
    def rate_max_per_s(self) -> float:
        """Return an upper bound of the offered rate."""
        match self.kind:
            case ProfileKind.CONSTANT:
                return self.rate_per_s
            case ProfileKind.RAMP:
                return max(self.rate_per_s, self.rate_end_per_s)
            case ProfileKind.DAILY:
                return self.rate_per_s * (1.0 + self.amplitude)
            case ProfileKind.BURST:
                return self.rate_per_s * max(1.0, self.factor)

    def times(self, factor: float) -> RateProfile:
        """Return the same shape at a multiple of the rate."""
        return replace(self, rate_per_s=self.rate_per_s * factor, rate_end_per_s=self.rate_end_per_s * factor)


@dataclass(frozen=True)
class Readers:
    """Users who read devices' states at the gateway: Poisson arrivals, open; a user has one request at a time."""

    users: int
    requests_per_s: float  # of all users together


@dataclass(frozen=True)
class Workload:
    """What the devices send, and who reads. `mix` maps topic name to its share of the events (sums to 1)."""

    profile: RateProfile
    arrivals: str  # "poisson" or "paced"
    mix: Mapping[str, float]
    event_bytes: int  # size of one record's value
    devices: int
    acks: str  # "all", "1" or "0"
    readers: Readers | None = None
    library: ClientLibrary = ClientLibrary.LIBRDKAFKA


@dataclass(frozen=True)
class Schedule:
    """Intended sends, ordered by time: arrays of one length. Times in seconds since the load's start."""

    intended_s: FloatArray
    topic: IntArray  # index into the topics' names in sorted order
    device: IntArray
    partition: IntArray  # partition within the topic: device modulo the topic's partitions


def arrivals(
    workload: Workload,
    rng: np.random.Generator,
    start_s: float,
    end_s: float,
    calibration_burst: bool = False,
    sort: Sort = np.sort,
) -> FloatArray:
    """Return intended times (s) in [start_s, end_s), ascending.

    Poisson arrivals by thinning of a homogeneous process (Lewis and Shedler 1979); paced arrivals at
    equal steps of the cumulated rate. With `calibration_burst` the first BURST_S seconds after 0 run at
    BURST_FACTOR times the profile's rate. Raises BadInput for an unknown arrival kind.
    """
    if workload.arrivals == "poisson":
        pieces = [
            _poisson(workload.profile, rng, piece_start_s, piece_end_s, factor, sort)
            for piece_start_s, piece_end_s, factor in _pieces(start_s, end_s, calibration_burst)
        ]
        return np.concatenate(pieces) if pieces else np.empty(0)
    if workload.arrivals == "paced":
        return _paced(workload.profile, _pieces(start_s, end_s, calibration_burst))
    raise BadInput(f"arrivals {workload.arrivals!r} is neither poisson nor paced")


def _pieces(start_s: float, end_s: float, calibration_burst: bool) -> list[tuple[float, float, float]]:
    """Return start, end and factor of the stretches before, in and after the calibration burst."""
    bounds = [(-np.inf, 0.0, 1.0), (0.0, BURST_S, BURST_FACTOR), (BURST_S, np.inf, 1.0)]
    if not calibration_burst:
        bounds = [(-np.inf, np.inf, 1.0)]
    clipped = [(max(low, start_s), min(high, end_s), factor) for low, high, factor in bounds]
    return [piece for piece in clipped if piece[0] < piece[1]]


def _poisson(
    profile: RateProfile, rng: np.random.Generator, start_s: float, end_s: float, factor: float, sort: Sort
) -> FloatArray:
    """Return Poisson arrivals at `factor` times the profile; stretches next to each other are independent."""
    bound = profile.rate_max_per_s * factor
    count = rng.poisson(bound * (end_s - start_s))
    candidates = sort(rng.uniform(start_s, end_s, count))
    kept: FloatArray = candidates[rng.uniform(0.0, bound, count) < profile.rate_at(candidates) * factor]
    return kept


def _paced(profile: RateProfile, pieces: list[tuple[float, float, float]]) -> FloatArray:
    """Return arrivals where the cumulated rate passes 0.5, 1.5, 2.5 .. events (midpoint rule on PACED_GRID_S)."""
    edges, masses = [np.empty(0)], [np.empty(0)]
    for start_s, end_s, factor in pieces:
        grid = np.linspace(start_s, end_s, int(np.ceil((end_s - start_s) / PACED_GRID_S)) + 1)
        rate = profile.rate_at((grid[:-1] + grid[1:]) / 2.0) * factor
        edges.append(grid)
        masses.append(np.concatenate([[0.0], rate * np.diff(grid)]))
    if not pieces:
        return np.empty(0)
    cumulated = np.cumsum(np.concatenate(masses))
    paced: FloatArray = np.interp(np.arange(0.5, cumulated[-1], 1.0), cumulated, np.concatenate(edges))
    return paced


def schedule(
    workload: Workload,
    partitions: Mapping[str, int],
    rng: np.random.Generator,
    start_s: float,
    end_s: float,
    calibration_burst: bool = False,
    sort: Sort = np.sort,
) -> Schedule:
    """Return the devices' schedule over [start_s, end_s); `partitions` maps topic to partition count."""
    intended_s = arrivals(workload, rng, start_s, end_s, calibration_burst, sort)
    names = sorted(partitions)
    topic = _topics(np.array([workload.mix.get(name, 0.0) for name in names]), len(intended_s), rng)
    device = rng.integers(0, workload.devices, size=len(intended_s))
    counts = np.array([partitions[name] for name in names])
    return Schedule(intended_s, topic, device, device % counts[topic])


def burst_schedule(
    workload: Workload,
    partitions: Mapping[str, int],
    rng: np.random.Generator,
    start_s: float,
    end_s: float,
    factor: float,
) -> Schedule:
    """Return what a burst to `factor` times the rate puts on top of the devices' schedule over [start_s, end_s).

    Of Poisson arrivals the sum is again Poisson (superposition).
    """
    on_top = replace(workload, profile=workload.profile.times(factor - 1.0))
    return schedule(on_top, partitions, rng, start_s, end_s)


def _topics(shares: FloatArray, count: int, rng: np.random.Generator) -> IntArray:
    """Return `count` topics drawn in these shares: what rng.choice gives, without its search for every event."""
    cumulated = np.cumsum(shares / shares.sum())
    drawn = rng.random(count)
    topic = np.zeros(count, dtype=np.int64)
    for bound in cumulated[:-1] / cumulated[-1]:
        topic += drawn >= bound
    return topic


def canary_schedule(partitions: Mapping[str, int], start_s: float, end_s: float) -> Schedule:
    """Return the canary's writes: CANARY_WRITES_PER_S to every partition, evenly staggered."""
    names = sorted(partitions)
    topic = np.concatenate([np.full(partitions[name], index) for index, name in enumerate(names)])
    partition = np.concatenate([np.arange(partitions[name]) for name in names])
    step_s = 1.0 / CANARY_WRITES_PER_S
    rounds = int(np.ceil((end_s - start_s) / step_s))
    offset_s = np.arange(len(topic)) / len(topic) * step_s
    intended_s = (start_s + np.arange(rounds)[:, None] * step_s + offset_s[None, :]).ravel()
    keep = intended_s < end_s
    tiled_topic = np.tile(topic, rounds)[keep]
    tiled_partition = np.tile(partition, rounds)[keep]
    return Schedule(intended_s[keep], tiled_topic, tiled_partition, tiled_partition)
