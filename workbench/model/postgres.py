"""The Postgres primary's death without fail-over: it starts again on its own data, and the processors find it.

The kubelet's rule starts the container; PostgreSQL 14 reads its write-ahead log from the last checkpoint on before it
takes connections (the FATAL "the database system is starting up" until then). Each processor's batch under way fails at
once, because the sockets are reset, and is tried again after 0.1, 0.2, 0.4, 0.8 and then every 1 s (the hub's own
back-off, workbench/apps/event_processor/consumer.py). Standbys ask for their stream again every
wal_retrieve_retry_interval, 5 s, counted from the loss.

Left out: fail-over (Kubegres's failover.isDisabled is assumed), a commit whose answer was lost with the connection (the
row is there already; writing it again changes nothing), the caches that a fresh start has to fill, rows lost with the
machine's own memory (a killed process loses none).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from workbench.engine import Outage
from workbench.metrics.catalogue import POLL_S
from workbench.metrics.tables import after_fault
from workbench.model.outcome import Course, kafka_goes_on, polled_s, turns
from workbench.model.pace import pace_of_outage
from workbench.model.restarted import Restarted
from workbench.model.world import Setting, next_on_grid

BACKOFF_LONGEST_S: Final = 1.0  # workbench/apps/event_processor/consumer.py


def play(setting: Setting, draws: Mapping[str, float]) -> Course:
    """Return one replication's course."""
    primary = Restarted(setting, draws)
    recovery_s = draws["postgres_redo_bytes"] / draws["postgres_redo_bytes_per_s"]
    primary.play(draws["postgres_start_s"] + recovery_s, BACKOFF_LONGEST_S, reach_s=draws["postgres_connect_s"])
    standbys_s = next_on_grid(primary.serves_s, draws["wal_retrieve_retry_s"], draws["standby_notice_s"])
    return without_primary(setting, draws, primary, standbys_s, postgres_started_s=primary.started_s)


def without_primary(
    setting: Setting,
    draws: Mapping[str, float],
    primary: Restarted,
    standbys_s: float,
    rows_lost_s: float = 0.0,
    **known_s: float,
) -> Course:
    """Return the course of a loss after which the processors stand still until each has reached `primary`.

    Args:
        setting: what stays the same in every replication.
        draws: this replication's parameters.
        primary: who takes writes in the end, played already.
        standbys_s: when all standbys are connected to it (s after the fault).
        rows_lost_s: rows committed so shortly before the fault are lost.
        known_s: moments beside those that an observer's look gives.
    """
    count = len(setting.consumers)
    resumes_s = np.array([primary.reached_s[each] for each in range(count)])
    resumed_s = float(resumes_s.max())
    owners = np.array(setting.processors_of_partition, dtype=np.int64)
    arrival = turns(setting, draws["fetch_ring_share"])
    outage = Outage(np.zeros(count), np.ones(count, np.bool_), resumes_s, owners, arrival)
    phase_s = draws["poll_stores_phase_s"]
    moments = after_fault(
        **known_s,
        postgres_writes_s=polled_s(primary.serves_s, POLL_S, phase_s),
        standbys_connected_s=polled_s(standbys_s, POLL_S, phase_s),
    )
    disturbance = kafka_goes_on(setting, outage, pace_of_outage(draws, count, 0.0, resumed_s))
    awaited_s = (moments.postgres_writes_s, moments.standbys_connected_s)
    return Course(moments, disturbance, resumed_s, awaited_s, rows_lost_s=rows_lost_s)
