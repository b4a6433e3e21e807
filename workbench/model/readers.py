"""Readers at the gateway while Redis is away and, where its data is lost, until it knows the devices again.

Each request asks for any device at any time (workbench/load/plan.py). Redis tells the states of a device that it was
asked for before: the gateway marks a device once it has compared it with Postgres, and a Redis that lost its file has
lost the marks and the sessions too, though the event processors go on filling the devices' hashes
(workbench/apps/gateway/cache.py). So each device's first read is answered by Postgres, and each user's first request is
refused with 401, after which the user logs in again; users take the requests in turn. While Redis is away, Postgres
answers, and a token counts by its signature alone.

The gateway is one process with one loop: what a read from Postgres takes of it delays whoever comes after. That
work queues first come, first served, in the time that the hits leave over (Lindley 1952).

Left out: log-ins' own work, users who are all busy, the pool's five connections, a mark's end after its hour, reads of
one device at the same moment (both are misses), devices without a row, what the surge takes of Postgres from the event
processors, and from the machine's cores.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from workbench.metrics.tables import BoolArray, FloatArray, IntArray, ReadTable
from workbench.model.parameter import Distribution
from workbench.model.traffic import responses
from workbench.workload import Workload

SPARE_MIN: Final = 0.05  # of the gateway's time is left for reads from Postgres however many hits there are


def play(
    workload: Workload,
    draws: Mapping[str, float],
    redis_serves_s: float,
    horizon_s: float,
    hit_s: Distribution,
    rng: np.random.Generator,
) -> ReadTable:
    """Return the requests from the load's start to `horizon_s` and what became of them (s after the fault).

    Args:
        workload: who reads, and how many devices there are.
        draws: this replication's parameters.
        redis_serves_s: when Redis serves again.
        horizon_s: the last request is intended before it.
        hit_s: how long a hit takes, undisturbed.
        rng: of this replication's reads.
    """
    assert workload.readers is not None
    begins_s = -draws["fault_after_load_start_s"]
    count = rng.poisson(workload.readers.requests_per_s * (horizon_s - begins_s))
    intended_s = np.sort(rng.uniform(begins_s, horizon_s, count))
    device = rng.integers(0, workload.devices, count)
    after, forgets = intended_s >= redis_serves_s, draws["redis_file_bytes"] == 0.0
    refused = np.zeros(count, np.bool_)
    if forgets:
        refused[np.flatnonzero(after)[: workload.readers.users]] = True
    away = (intended_s >= 0.0) & ~after
    known = device + workload.devices * (after & forgets)
    from_postgres = away | _first(known, ~away & ~refused)
    took_s = responses(hit_s, count, rng) + _postgres_s(intended_s, from_postgres, workload, draws)
    return ReadTable(intended_s, intended_s + took_s, ~refused, ~refused & ~from_postgres)


def _first(keys: IntArray, asked: BoolArray) -> BoolArray:
    """Return which rows are the first of their key among those asked."""
    rows = np.flatnonzero(asked)
    first = np.zeros(len(keys), np.bool_)
    first[rows[np.unique(keys[rows], return_index=True)[1]]] = True
    return first


def _postgres_s(
    intended_s: FloatArray, from_postgres: BoolArray, workload: Workload, draws: Mapping[str, float]
) -> FloatArray:
    """Return how much longer than an undisturbed hit each request takes (s)."""
    assert workload.readers is not None
    own_s: FloatArray = draws["gateway_postgres_s"] * from_postgres.astype(np.float64)
    spare = max(SPARE_MIN, 1.0 - workload.readers.requests_per_s * draws["gateway_hit_s"])
    return waits_s(intended_s, own_s / spare) + own_s


def waits_s(arrives_s: FloatArray, work_s: FloatArray) -> FloatArray:
    """Return how long each arrival waits for the work that came before it (s), one server, in their order."""
    ahead_s = np.cumsum(work_s) - work_s - arrives_s
    waits: FloatArray = ahead_s - np.minimum.accumulate(ahead_s)
    return waits
