"""The Postgres primary's death without fail-over: it starts again on its own data, and the processors find it.

The kubelet's rule starts the container; PostgreSQL 14 reads its write-ahead log from the last checkpoint on before it
takes connections (the FATAL "the database system is starting up" until then). Each processor's batch under way fails at
once, because the sockets are reset, and is tried again after 0.1, 0.2, 0.4, 0.8 and then every 1 s (the hub's own
back-off, workbench/apps/event_processor/consumer.py). Standbys ask for their stream again every
wal_retrieve_retry_interval, 5 s, counted from the loss.

Left out: fail-over (Kubegres's failover.isDisabled is assumed), a commit whose answer was lost with the connection (the
row is there already; writing it again changes nothing), a checkpoint between seal and fault, the caches that a fresh
start has to fill, rows lost with the machine's own memory (a killed process loses none).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import simpy

from workbench.engine import Outage
from workbench.metrics.catalogue import POLL_S
from workbench.metrics.tables import NAN, Moments
from workbench.model.outcome import Course, kafka_goes_on, polled_s, turns
from workbench.model.pace import pace_of_outage
from workbench.model.world import Setting, Steps, next_on_grid

BACKOFF_FIRST_S: Final = 0.1  # workbench/apps/event_processor/consumer.py
BACKOFF_LONGEST_S: Final = 1.0
HORIZON_S: Final = 3600.0
ATTEMPTS_MAX: Final = 4000  # beyond the horizon


class _World:
    """One replication: when the primary started, took writes, and each processor had it again (s after the fault)."""

    def __init__(self, setting: Setting, draws: Mapping[str, float]) -> None:
        self.setting = setting
        self.draws = draws
        self.env = simpy.Environment()
        self.serves = self.env.event()
        self.started_s = NAN
        self.serves_s = NAN
        self.resumes_s: dict[int, float] = {}
        self.standbys_s = NAN


def play(setting: Setting, draws: Mapping[str, float]) -> Course:
    """Return one replication's course."""
    world = _World(setting, draws)
    world.env.process(_primary(world))
    world.env.process(_standbys(world))
    for each in range(len(setting.consumers)):
        world.env.process(_processor(world, each))
    world.env.run(until=HORIZON_S)
    return _course(world)


def _primary(world: _World) -> Steps:
    """Start again by the restart rule and read the log since the last checkpoint."""
    draws = world.draws
    yield world.env.timeout(draws["kubelet_relist_s"] + draws["restart_notice_s"])
    world.started_s = float(world.env.now)
    recovery_s = draws["postgres_redo_bytes"] / draws["postgres_redo_bytes_per_s"]
    yield world.env.timeout(draws["postgres_start_s"] + recovery_s)
    world.serves_s = float(world.env.now)
    world.serves.succeed()


def _processor(world: _World, each: int) -> Steps:
    """Try again and again, each time after a longer wait, until the primary takes the batch."""
    draws = world.draws
    yield world.env.timeout(draws[f"first_failure_share_{each}"] * draws["batch_linger_s"])
    wait_s = BACKOFF_FIRST_S
    for _ in range(ATTEMPTS_MAX):
        yield world.env.timeout(wait_s)
        if world.serves.triggered:
            break
        wait_s = min(BACKOFF_LONGEST_S, 2.0 * wait_s)
    else:
        return
    yield world.env.timeout(draws["postgres_connect_s"])
    world.resumes_s[each] = float(world.env.now)


def _standbys(world: _World) -> Steps:
    """Ask for the stream again, every so often since it broke off, until the primary gives it."""
    draws = world.draws
    yield world.serves
    retries_s = next_on_grid(float(world.env.now), draws["wal_retrieve_retry_s"], draws["standby_notice_s"])
    yield world.env.timeout(retries_s - world.env.now)
    world.standbys_s = float(world.env.now)


def _course(world: _World) -> Course:
    setting, draws, count = world.setting, world.draws, len(world.setting.consumers)
    resumes_s = np.array([world.resumes_s[each] for each in range(count)])
    owners = np.array(setting.processors_of_partition, dtype=np.int64)
    cut = np.ones(count, np.bool_)
    outage = Outage(np.zeros(count), cut, resumes_s, owners, turns(setting, draws["fetch_ring_share"]))
    resumed_s = float(resumes_s.max())
    phase_s = draws["poll_stores_phase_s"]
    moments = Moments(
        NAN,
        NAN,
        NAN,
        fault_effective_s=0.0,
        postgres_started_s=world.started_s,
        postgres_writes_s=polled_s(world.serves_s, POLL_S, phase_s),
        standbys_connected_s=polled_s(world.standbys_s, POLL_S, phase_s),
    )
    pace = pace_of_outage(draws, count, 0.0, resumed_s)
    awaited_s = (moments.postgres_writes_s, moments.standbys_connected_s)
    return Course(moments, kafka_goes_on(setting, outage, pace), resumed_s, awaited_s)
