"""Evenly spread traffic, two processors and a fault that the engine plays; the brokers keep nothing waiting."""

from __future__ import annotations

from typing import Final

import numpy as np

from workbench.engine import EVEN, NEVER, Disturbance, Outage, Pace, Service, Traffic, never_stop
from workbench.engine.kernels import commit
from workbench.model.parameter import FloatArray

PARTITIONS: Final = 4
OWNERS: Final = (0, 0, 1, 1)  # which processor has which partition
BATCH: Final = 100


def a_traffic(intended_s: FloatArray) -> Traffic:
    """Return events at these moments, one partition after the other."""
    rows = np.arange(len(intended_s))
    return Traffic(
        intended_s, rows % PARTITIONS, np.zeros(len(rows), np.int64), np.full(len(rows), 0.002), np.ones(len(rows))
    )


def undisturbed_brokers(outage: Outage | None = None, pace: Pace = EVEN) -> Disturbance:
    """Return what only the processors, or their pace, suffer from."""
    nothing = np.full(PARTITIONS, NEVER)
    return Disturbance(
        begins_s=np.zeros(PARTITIONS),
        held_until_s=nothing[None, :],
        connection=np.zeros((1, PARTITIONS), np.int64),
        head_until_s=nothing[None, :],
        visible_from_s=nothing,
        fetchable_from_s=nothing,
        tail_from_s=np.full(PARTITIONS, np.inf),
        processor=np.array(OWNERS),
        outage=outage,
        pace=pace,
    )


def a_service(event_s: float) -> Service:
    """Return processors that take so long for each event, in batches of at most BATCH."""
    return Service(0.005, 10_000, 0.003, 0.0, 0.0, 0.001, BATCH, 0.0, 0.0, event_s, 0.0, 0.0, 1.0, 0.002, 0.0)


def committed(
    queued_s: FloatArray,
    noise: FloatArray,
    event_s: float,
    *,
    edges: tuple[int, ...] | None = None,
    linger_s: float = 0.0,
    events_max: int = 1,
    fixed_s: float = 0.0,
    rest_fixed_s: float = 0.0,
    rest_event_s: float = 0.0,
    saturation_factor: float = 1.0,
) -> FloatArray:
    """Return when processors commit the events in their queues: one of them all, or each those between two `edges`."""
    each = np.array(edges or (0, len(queued_s)))
    done_s = np.full(len(queued_s), np.nan)
    commit(
        done_s,
        np.arange(len(queued_s)),
        queued_s,
        noise,
        each,
        linger_s,
        events_max,
        fixed_s,
        event_s,
        rest_fixed_s,
        rest_event_s,
        saturation_factor,
        0.0,
        EVEN.of_batches,
        EVEN.of_full_batches,
        never_stop(len(each) - 1),
    )
    return done_s
