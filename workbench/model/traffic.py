"""One replication's traffic: devices and canary by the load generator's own functions, around a fault at t = 0.

Left out: that the drill sends one particular schedule (the seed's), since the moment of the fault in it is not
known when the prediction is made; events that the generator sends late.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import numpy as np

from workbench.engine import Traffic
from workbench.metrics.tables import BoolArray, FloatArray, IntArray
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
    intended_s = np.concatenate([devices.intended_s - shift_s, canary.intended_s[sent]])
    topic = np.concatenate([devices.topic, canary.topic[sent]])
    partition = np.concatenate([devices.partition, canary.partition[sent]])
    client = np.full(len(intended_s), CANARY_SOURCE, dtype=np.int64)
    client[: len(devices.intended_s)] = 1 + np.arange(len(devices.intended_s)) % workers
    order = np.argsort(intended_s, kind="stable")
    flat = (first_of_topic[topic] + partition)[order]
    count = len(order)
    noise_of_event = table(noise)[rng.integers(0, TABLE_ROWS, count)]
    return Traffic(intended_s[order], flat, client[order], _responses(response, count, rng), noise_of_event)


@lru_cache
def table(distribution: Distribution) -> FloatArray:
    """Return TABLE_ROWS values of a distribution, all equally likely (its quantiles)."""
    return distribution.quantile((np.arange(TABLE_ROWS) + 0.5) / TABLE_ROWS)


def canary_rows(traffic: Traffic) -> BoolArray:
    """Return which rows are the canary's."""
    rows: BoolArray = traffic.client == CANARY_SOURCE
    return rows


def _responses(response: Distribution, count: int, rng: np.random.Generator) -> FloatArray:
    """Return undisturbed response times: measured ones in blocks as they followed each other, else independent."""
    if response.kind is not Kind.EMPIRICAL:
        return table(response)[rng.integers(0, TABLE_ROWS, count)]
    values = np.array(response.numbers)
    blocks = -(-count // BLOCK)
    starts = rng.integers(0, len(values), blocks)
    rows: IntArray = (starts[:, None] + np.arange(BLOCK)).ravel()[:count] % len(values)
    return values[rows]
