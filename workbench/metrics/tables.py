"""The tables that both the model and the ledger fill, and from which every metric is computed.

All times are seconds relative to the moment the (first) fault was injected: t = 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

NAN = float("nan")


@dataclass(frozen=True)
class WriteTable:
    """One row a write, arrays of one length, any order. NaN where it never happened."""

    id: IntArray
    partition: IntArray  # flat index into HubTopology.partition_labels
    intended_s: FloatArray
    acked_s: FloatArray
    committed_s: FloatArray
    canary: BoolArray

    def devices(self) -> WriteTable:
        """Return the rows of the devices alone (without the canary)."""
        return self.rows(~self.canary)

    def rows(self, keep: BoolArray) -> WriteTable:
        """Return the rows where `keep` holds."""
        return self._at(np.flatnonzero(keep))

    def between(self, first: int, last: int) -> WriteTable:
        """Return the rows from `first` up to `last`, without copying them."""
        return self._at(slice(first, last))

    def _at(self, rows: IntArray | slice) -> WriteTable:
        return WriteTable(
            self.id[rows],
            self.partition[rows],
            self.intended_s[rows],
            self.acked_s[rows],
            self.committed_s[rows],
            self.canary[rows],
        )


@dataclass(frozen=True)
class ReadTable:
    """One row a request for a device's states, arrays of one length, any order; log-ins are not in it."""

    intended_s: FloatArray
    answered_s: FloatArray  # or refused, or given up
    answered: BoolArray  # whether the states were told, or that there are none
    hit: BoolArray  # told by Redis alone; the other answers are from Postgres

    def before(self, end_s: float) -> ReadTable:
        """Return the rows intended before a time."""
        rows = self.intended_s < end_s
        return ReadTable(self.intended_s[rows], self.answered_s[rows], self.answered[rows], self.hit[rows])


def no_reads() -> ReadTable:
    """Return the table of a drill without readers."""
    return ReadTable(np.empty(0), np.empty(0), np.empty(0, np.bool_), np.empty(0, np.bool_))


@dataclass(frozen=True)
class Moments:
    """Instants of one drill or replication, seconds since the fault was injected; NaN if not reached."""

    baseline_start_s: float  # negative
    baseline_end_s: float  # negative
    load_end_s: float  # last intended send
    fault_effective_s: float = NAN
    broker_deregistered_s: float = NAN  # victim's id gone from ZooKeeper, in KRaft mode fenced
    leaders_moved_s: float = NAN  # no partition is led by the victim any more
    registering_process_started_s: float = NAN  # start of the process that registered
    broker_registered_s: float = NAN
    in_sync_again_s: float = NAN  # every partition has min.insync.replicas again
    isr_full_s: float = NAN
    group_whole_s: float = NAN  # every partition is held by a live event processor again
    postgres_started_s: float = NAN  # start of the process that takes writes again
    postgres_writes_s: float = NAN  # the primary takes writes again
    postgres_promotion_asked_s: float = NAN  # a standby was asked to become the primary
    standbys_connected_s: float = NAN  # all of them, to the primary
    redis_started_s: float = NAN  # start of the process that answers again
    redis_answers_s: float = NAN
    states_current_s: float = NAN  # the event processors have applied what Redis had missed
    zookeeper_leads_s: float = NAN  # a ZooKeeper server leads (again)
    zookeeper_started_s: float = NAN  # start of the server's process that serves again
    zookeeper_whole_s: float = NAN  # every ZooKeeper server serves
    controller_active_s: float = NAN  # in KRaft mode: a controller is active (again)
    controller_started_s: float = NAN  # start of the process of the one that was lost
    controllers_whole_s: float = NAN  # every controller answers
    burst_ended_s: float = NAN  # the load has its usual rate again
    broker_sessions_s: float = NAN  # every broker's ZooKeeper session is connected to a server


def after_fault(**moments_s: float) -> Moments:
    """Return the moments of a fault that takes effect at once, its baseline and load end not known yet."""
    return Moments(NAN, NAN, NAN, fault_effective_s=0.0, **moments_s)


@dataclass(frozen=True)
class Counts:
    """What became of every write, as the ledger counts it (the model predicts the same)."""

    acknowledged_lost: int = 0
    duplicated: int = 0
    unknown: int = 0
    failed: int = 0
    reordered: int = 0
    not_sent: int = 0
    rows_lost: int = 0  # committed once, offsets too, and not there after a fail-over


@dataclass(frozen=True)
class Evidence:
    """Everything a metric's function may look at."""

    writes: WriteTable
    moments: Moments
    counts: Counts
    partitions: int  # how many flat partitions there are
    reads: ReadTable = field(default_factory=no_reads)
    cache: dict[str, object] = field(default_factory=dict, compare=False)  # shared intermediate results
