"""One replication's traffic: devices and canary by the load generator's own functions, around a fault at t = 0.

Left out: that the drill sends one particular schedule (the seed's), since the moment of the fault in it is not
known when the prediction is made; events that the generator sends late.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from workbench.engine import Traffic
from workbench.engine.merging import merged
from workbench.metrics.tables import BoolArray, FloatArray
from workbench.model.parameter import Distribution, Kind
from workbench.workload import CANARY_SOURCE, CANARY_WRITES_PER_S, Workload, canary_schedule, schedule

BLOCK: Final = 50  # consecutive measured response times that stay together
TABLE_ROWS: Final = 4096  # resolution of what is drawn for every event


def traffic(
    workload: Workload,
    partitions: Mapping[str, int],
    workers: int,
    span_s: tuple[float, float],
    fault_after_load_start_s: float,
    response: Distribution,
    noise: Distribution,
    rng: np.random.Generator,
) -> Traffic:
    """Return the events intended in `span_s` (s relative to the fault)."""
    start_s, end_s = span_s
    names = sorted(partitions)
    first_of_topic = np.concatenate([[0], np.cumsum([partitions[name] for name in names])[:-1]]).astype(np.int64)
    shift_s = fault_after_load_start_s
    devices = schedule(workload, partitions, rng, start_s + shift_s, end_s + shift_s)
    lead_s = rng.random() / CANARY_WRITES_PER_S
    canary = canary_schedule(partitions, start_s - lead_s, end_s)
    sent = canary.intended_s >= start_s
    intended_s, partition, client = merged(
        devices.intended_s - shift_s,
        first_of_topic[devices.topic] + devices.partition,
        workers,
        canary.intended_s[sent],
        (first_of_topic[canary.topic] + canary.partition)[sent],
    )
    count = len(intended_s)
    noise_of_event = table(noise)[rng.integers(0, TABLE_ROWS, count)]
    return Traffic(intended_s, partition, client, responses(response, count, rng), noise_of_event)


@lru_cache
def table(distribution: Distribution) -> FloatArray:
    """Return TABLE_ROWS values of a distribution, all equally likely (its quantiles)."""
    return distribution.quantile((np.arange(TABLE_ROWS) + 0.5) / TABLE_ROWS)


def canary_rows(traffic: Traffic) -> BoolArray:
    """Return which rows are the canary's."""
    rows: BoolArray = traffic.client == CANARY_SOURCE
    return rows


def responses(response: Distribution, count: int, rng: np.random.Generator) -> FloatArray:
    """Return undisturbed response times: measured ones in blocks as they followed each other, else independent."""
    if response.kind is not Kind.EMPIRICAL:
        return table(response)[rng.integers(0, TABLE_ROWS, count)]
    values = response.values
    starts = rng.integers(0, len(values), -(-count // BLOCK))
    endless = np.resize(values, len(values) + BLOCK - 1)  # after the last measured one comes the first again
    return sliding_window_view(endless, BLOCK)[starts].ravel()[:count]
