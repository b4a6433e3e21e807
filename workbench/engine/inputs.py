"""What the engine is told: the traffic, how control events disturb it, and how fast each station serves.

Times are seconds relative to the fault (t = 0). NEVER marks a partition that is not disturbed; infinity one
that stays out of service.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

NEVER: Final = float("-inf")


@dataclass(frozen=True)
class Traffic:
    """One row an event, ordered by intended time; arrays of one length."""

    intended_s: FloatArray
    partition: IntArray  # flat index
    client: IntArray  # producer: 0 the canary, 1.. the load workers
    response_s: FloatArray  # an undisturbed request whose first event this is is answered so long after it was sent
    noise: FloatArray  # factor on the database time of a batch whose first event this is


@dataclass(frozen=True)
class Pace:
    """How slow requests and batches are, stretch by stretch. Arrays of one length.

    A time of `typical` that was drawn as `typical * noise` is `typical * noise**spread`, and that times the factor.
    """

    from_s: FloatArray  # ascending; the first is -infinity
    response: FloatArray  # of a request that is sent in the stretch and that nothing holds
    batch: FloatArray  # of a batch that starts in it and is not full
    spread: FloatArray  # exponent, of both
    full: FloatArray  # of a full batch's database time, which is measured as it is in a drain

    def of_responses(self, typical_s: float) -> tuple[FloatArray, FloatArray, FloatArray, float]:
        """Return what the kernels need for response times around `typical_s`."""
        return self.from_s, self.response, self.spread, typical_s

    @property
    def of_batches(self) -> tuple[FloatArray, FloatArray, FloatArray, float]:
        """Return what the kernels need for batches, whose noise is around 1."""
        return self.from_s, self.batch, self.spread, 1.0

    @property
    def of_full_batches(self) -> tuple[FloatArray, FloatArray, FloatArray, float]:
        """Return what the kernels need for full batches, whose noise stays as it is."""
        return self.from_s, self.full, np.ones(len(self.from_s)), 1.0


EVEN: Final = Pace(np.array([NEVER]), np.ones(1), np.ones(1), np.ones(1), np.ones(1))


@dataclass(frozen=True)
class Outage:
    """All processors stop writing and go on later, perhaps with other partitions. Arrays by processor unless said."""

    stops_s: FloatArray  # from when on none of its batches begins
    cuts: BoolArray  # a batch under way then is lost and written again later; else it is finished first
    resumes_s: FloatArray  # after every batch that is finished; infinity: never
    processor: IntArray  # (partitions): who owns each afterwards, -1 none
    turn: IntArray  # (partitions): what gathered meanwhile is fetched partition after partition, in this order


def never_stop(processors: int) -> tuple[FloatArray, BoolArray]:
    """Return what the kernels need for processors that go on for ever: when each stops, and if that cuts."""
    return np.full(processors, np.inf), np.zeros(processors, np.bool_)


@dataclass(frozen=True)
class Disturbance:
    """What the fault does to the traffic, as control events decided it."""

    begins_s: FloatArray  # (partitions): from when on; 0 for a kill, the moment the leaders move for a stop
    held_until_s: FloatArray  # (clients, partitions): requests not answered when it begins are answered after this
    connection: IntArray  # (clients, partitions): index of the connection that carries them then
    head_until_s: FloatArray  # (clients, partitions): when a request that was in flight at the leader is answered
    visible_from_s: FloatArray  # (partitions): the high watermark stands still until then (acks below all)
    fetchable_from_s: FloatArray  # (partitions): the processor can fetch from the partition's leader again
    tail_from_s: FloatArray  # (partitions): acknowledged before it begins, but not replicated by then, is lost
    processor: IntArray  # (partitions): which processor owns it, -1 none
    pace: Pace = EVEN
    outage: Outage | None = None


@dataclass(frozen=True)
class Service:
    """How fast the stations are; times in seconds."""

    linger_s: float  # producer: from a batch's first event to its request
    produce_events_max: int  # most events of one request
    request_s: float  # released requests are served one after another on a connection
    request_event_s: float
    replication_lag_s: float  # acknowledged to visible: 0 with acks=all
    fetch_s: float  # visible to the processor's queue
    batch_events_max: int
    batch_linger_s: float
    batch_fixed_s: float  # database time of a batch without events
    batch_event_s: float
    rest_fixed_s: float  # parsing before the database, Redis after it: half each
    rest_event_s: float
    saturation_factor: float  # on the database time of a batch that starts while another processor is busy
    typical_response_s: float  # median of the response times, from which Pace.spread moves them away
    stamp_lead_s: float  # a row's commit stamp is older than its batch's database time ends


@dataclass(frozen=True)
class Fate:
    """What became of each event, in the order of Traffic; NaN where it never happened."""

    acked_s: FloatArray
    visible_s: FloatArray  # above it the high watermark: what consumer lag counts
    committed_s: FloatArray
    lost: int  # acknowledged and gone
