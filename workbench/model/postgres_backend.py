"""One Postgres backend's death by SIGKILL: the postmaster ends all others, recovers in place, and goes on.

PostgreSQL 14 postmaster.c: a child that a signal ended may have left shared memory wrong (HandleChildCrash), so every
other one gets SIGQUIT and exits at once (quickdie; SIGKILL after 5 s to those that do not). With restart_after_crash
(on) the same process then makes shared memory anew, has every file of its data folder written to the disk (xlog.c
SyncDataDirectory, which takes most of the time), reads its write-ahead log from the last checkpoint on and makes a
checkpoint; until that is done it refuses connections ("the database system is in recovery mode"). One process does
this, with what the others leave of the cores (cores.py). Its container stays, so neither the kubelet nor Kubegres has
anything to do.

Each processor's batch under way fails, also those of backends that nobody killed, and is tried again as after the death
of the whole instance (postgres.py). Nothing that was committed is lost: it is in the log on the disk, and the kernel
keeps what was written to its files. The standbys ask for their stream again every wal_retrieve_retry_interval.

Left out: the caches that have to be filled again.
"""

from __future__ import annotations

from collections.abc import Mapping

from workbench.model.cores import slow_down
from workbench.model.outcome import Course
from workbench.model.postgres import BACKOFF_LONGEST_S, without_primary
from workbench.model.restarted import Restarted
from workbench.model.world import Setting, next_on_grid


def play(setting: Setting, draws: Mapping[str, float]) -> Course:
    """Return one replication's course."""
    primary = Restarted(setting, draws)
    computes_s = draws["postgres_redo_bytes"] / draws["postgres_redo_bytes_per_s"] + draws["postgres_recovery_s"]
    slower = slow_down(draws["machine_cores"], 1.0, draws["short_tasks_cores"], threads=1.0, rivals=0.0)
    recovery_s = draws["postgres_sync_s"] + computes_s * slower
    primary.play(
        recovery_s, BACKOFF_LONGEST_S, reach_s=draws["postgres_connect_s"], begins_s=draws["postgres_children_end_s"]
    )
    standbys_s = next_on_grid(primary.serves_s, draws["wal_retrieve_retry_s"], draws["standby_notice_s"])
    return without_primary(setting, draws, primary, standbys_s)
