"""What-ifs of a lost Postgres primary: standbys that every commit waits for, a second loss soon after, and checkpoints.

Left out, since no model of ours knows it: commits that hang where no synchronous standby is left.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from workbench.metrics.tables import FloatArray
from workbench.model.checkpoints import FAST_S, Checkpoints
from workbench.model.control_plane import kubegres
from workbench.model.kubegres_rebuild import COPY_BYTES_PER_S, blocked_s
from workbench.model.parameter import triangular
from workbench.model.part_priors import POSTGRES
from workbench.plan.basis import Basis
from workbench.plan.batch_rewriting import with_batch_time
from workbench.plan.draws import Draws, draws_of
from workbench.plan.outages import REPLICATIONS, Hub, played
from workbench.plan.question import Question
from workbench.plan.rates import simulate
from workbench.plan.what_if import WhatIf, never, spread
from workbench.streams import stream

PLAYED: Final = 6  # draws through the engine
DRAWN: Final = 200
REDO: Final = "postgres_redo_bytes_per_s"
TIMEOUTS_S: Final = (60.0, 300.0, 1800.0)  # checkpoint_timeout: PostgreSQL 14 takes 30 s to a day
DATA_BYTES: Final = 1e9  # of the hub's database: some weeks of it
# From a commit's flush on the primary to a standby's: one round trip and one flush; 0.1 to 4 ms while 9,000 rows/s are
# streamed on one machine (measured), a network between machines on top: a prior.
FLUSH_OF_STANDBY_S: Final = (0.0003, 0.0015, 0.006)


def of_standbys(basis: Basis, question: Question, hub: Hub) -> list[WhatIf]:
    """Return what a lost primary costs in rows, and what every event pays for not losing any."""
    seed, rows = hub.seed, draws_of(basis, hub.seed, PLAYED)
    waits_s = triangular(*FLUSH_OF_STANDBY_S).quantile(stream(seed, "plan", "standby").random(PLAYED))
    later = [with_batch_time(row, fixed_more_s=wait_s) for row, wait_s in zip(rows, waits_s.tolist(), strict=True)]
    lost = np.zeros(1)
    if kubegres.fails_over(hub.topology.postgres):
        lost = played(hub, "postgres", REPLICATIONS)["rows_lost"]
    asked = "What does a row wait for (p99), and what does the primary's loss cost?"
    words = f"committed; {np.max(lost):.0f} rows lost in the worst of {len(lost)} replications, all processes killed"
    return [
        spread(asked, "Kubegres's rules: asynchronous standbys", words, _p99_s(basis, question, rows, seed)),
        spread(
            asked,
            "synchronous, any one standby (ANY 1)",
            "committed; no row lost, and no commit while both standbys are away",
            _p99_s(basis, question, later, seed),
        ),
    ]


def _p99_s(basis: Basis, question: Question, rows: Draws, seed: int) -> FloatArray:
    processors = basis.topology.processors.replicas
    rate = question.rate_per_s
    return np.array([simulate(basis, processors, row, rate, seed, index)[0] for index, row in enumerate(rows)])


def of_second_loss(hub: Hub) -> list[WhatIf]:
    """Return for how long after a fail-over nobody answers the loss of the new primary."""
    asked = "Postgres has failed over: until when does a second loss find nobody to take over?"
    if not kubegres.fails_over(hub.topology.postgres):
        return [never(asked, "fail-over disabled", "always: nobody ever does")]
    down_s = played(hub, "postgres", REPLICATIONS, ("postgres_down_s",))["postgres_down_s"]
    bytes_per_s = COPY_BYTES_PER_S.quantile(stream(hub.seed, "plan", "copy").random(len(down_s)))
    words = f"a new standby has copied {DATA_BYTES / 1e9:g} GB"
    spread_s = Checkpoints.of(hub.topology.postgres.config).spread_s(hub.workload.profile.rate_per_s)
    return [
        spread(asked, choice, words, blocked_s(down_s, DATA_BYTES, bytes_per_s, waits_s))
        for waits_s, choice in (
            (spread_s, "Kubegres 1.16 (pg_basebackup, spread checkpoint)"),
            (FAST_S, "a fast checkpoint"),
        )
    ]


def of_checkpoints(hub: Hub) -> list[WhatIf]:
    """Return how long a primary that starts again in place reads its log, by how often it makes checkpoints."""
    asked = "The Postgres primary's process dies: for how long does its next start read the log?"
    stated, rate_per_s = Checkpoints.of(hub.topology.postgres.config), hub.workload.profile.rate_per_s
    rng = stream(hub.seed, "plan", "checkpoints")
    known = hub.measured.get(REDO, POSTGRES[REDO]).value
    reads_per_s, share = known.quantile(rng.random(DRAWN)), rng.random(DRAWN)
    found = []
    for timeout_s in sorted({stated.timeout_s, *TIMEOUTS_S}):
        checkpoints = replace(stated, timeout_s=timeout_s)
        read_bytes = checkpoints.log_read_bytes(rate_per_s, share)
        words = (
            f"it has read {np.median(read_bytes) / 1e6:,.0f} MB; "
            f"{checkpoints.log_bytes_per_day(rate_per_s) / 1e9:,.0f} GB of log a day"
        )
        choice = f"checkpoint_timeout {timeout_s / 60.0:g} min"
        choice += ", as it is" if timeout_s == stated.timeout_s else ""
        found.append(spread(asked, choice, words, read_bytes / reads_per_s))
    return found
