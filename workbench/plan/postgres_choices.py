"""What-ifs of a lost Postgres primary: standbys that every commit waits for, and a second loss soon after.

Left out, since no model of ours knows it: commits that hang where no synchronous standby is left.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from workbench.metrics.tables import FloatArray
from workbench.model.control_plane import kubegres
from workbench.model.kubegres_rebuild import COPY_BYTES_PER_S, blocked_s
from workbench.model.parameter import triangular
from workbench.plan.basis import Basis
from workbench.plan.batch_rewriting import with_batch_time
from workbench.plan.draws import Draws, draws_of
from workbench.plan.outages import REPLICATIONS, Hub, played
from workbench.plan.question import Question
from workbench.plan.rates import simulate
from workbench.plan.what_if import WhatIf, never, spread
from workbench.streams import stream

PLAYED: Final = 6  # draws through the engine
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
    return [
        spread(asked, choice, words, blocked_s(down_s, DATA_BYTES, bytes_per_s, fast=fast))
        for fast, choice in ((False, "Kubegres 1.16 (pg_basebackup, spread checkpoint)"), (True, "a fast checkpoint"))
    ]
