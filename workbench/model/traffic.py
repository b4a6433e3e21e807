"""One replication's traffic: devices and canary by the load generator's own functions, around a fault at t = 0.

Left out: that the drill sends one particular schedule (the seed's), since the moment of the fault in it is not
known when the prediction is made; events that the generator sends late.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from workbench.engine import Traffic
from workbench.engine.merging import merged
from workbench.metrics.tables import BoolArray, FloatArray
from workbench.model.parameter import Distribution, Kind
from workbench.ordering import in_order
from workbench.workload import CANARY_SOURCE, CANARY_WRITES_PER_S, Workload, burst_schedule, canary_schedule, schedule

BLOCK: Final = 50  # consecutive measured response times that stay together
TABLE_ROWS: Final = 4096  # resolution of what is drawn for every event


@dataclass(frozen=True)
class Burst:
    """A stretch of more load, from the fault on."""

    factor: float
    lasts_s: float
    response: Distribution  # s, of a request meanwhile


def traffic(
    workload: Workload,
    partitions: Mapping[str, int],
    workers: int,
    span_s: tuple[float, float],
    fault_after_load_start_s: float,
    response: Distribution,
    noise: Distribution,
    rng: np.random.Generator,
    burst: Burst | None = None,
) -> Traffic:
    """Return the events intended in `span_s` (s relative to the fault), with those of a `burst` from the fault on."""
    start_s, end_s = span_s
    names = sorted(partitions)
    first_of_topic = np.concatenate([[0], np.cumsum([partitions[name] for name in names])[:-1]]).astype(np.int64)
    shift_s = fault_after_load_start_s
    devices = schedule(workload, partitions, rng, start_s + shift_s, end_s + shift_s, sort=in_order)
    lead_s = rng.random() / CANARY_WRITES_PER_S
    canary = canary_schedule(partitions, start_s - lead_s, end_s)
    sent = canary.intended_s >= start_s
    devices_s, devices_partition = devices.intended_s - shift_s, first_of_topic[devices.topic] + devices.partition
    if burst is not None:
        more = burst_schedule(workload, partitions, rng, shift_s, shift_s + burst.lasts_s, burst.factor)
        devices_s = np.concatenate([devices_s, more.intended_s - shift_s])
        order = np.argsort(devices_s, kind="stable")
        more_partition = first_of_topic[more.topic] + more.partition
        devices_s, devices_partition = devices_s[order], np.concatenate([devices_partition, more_partition])[order]
    intended_s, partition, client = merged(
        devices_s,
        devices_partition,
        workers,
        canary.intended_s[sent],
        (first_of_topic[canary.topic] + canary.partition)[sent],
    )
    count = len(intended_s)
    noise_of_event = table(noise)[rng.integers(0, TABLE_ROWS, count)]
    response_s = responses(response, count, rng)
    if burst is not None:
        first, last = np.searchsorted(intended_s, [0.0, burst.lasts_s])
        response_s[first:last] = responses(burst.response, last - first, rng)
    return Traffic(intended_s, partition, client, response_s, noise_of_event)


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
