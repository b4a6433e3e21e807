"""Evenly spread traffic, two processors and a fault that the engine plays; the brokers keep nothing waiting."""

from __future__ import annotations

from typing import Final

import numpy as np

from workbench.engine import EVEN, NEVER, Disturbance, Outage, Pace, Service, Traffic
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
