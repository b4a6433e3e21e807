"""The exact judgement of backlog and readers while the load still runs: it stops only when the drill can be judged.

The live view is blurred by a flush of the logs and a scrape, which on a machine that neighbours slow down hides a
backlog that the exact judgement afterwards still sees.
"""

from __future__ import annotations

import math
import time
from typing import Final

from workbench import ledger as ledger_room
from workbench.load.reads import read_table
from workbench.load.write_log import LOG_FLUSH_S
from workbench.metrics.functions import DRAINED_FOR_S, backlog_drained_s
from workbench.metrics.reading import refilled_s
from workbench.metrics.tables import Counts, Evidence, Moments
from workbench.records.folder import RunFolder
from workbench.target.port import DrillHub

COMMITS_FILE: Final = "commits-recovery.bin"
LOGGED_S: Final = 2.0 * LOG_FLUSH_S  # by then a write is in its log


class DrainedCheck:
    """Judges one recovery as the catalogue does, on what is written so far."""

    def __init__(
        self,
        hub: DrillHub,
        folder: RunFolder,
        baseline: tuple[float, float],
        injected_s: float,
        *,
        since_s: float,
        reads: bool,
    ) -> None:
        self._hub = hub
        self._ledger = folder.ledger
        self._load = folder.load
        self._reads = reads
        self._baseline = baseline
        self._injected_s = injected_s
        self._since_s = since_s
        self._again_s = 0.0

    def holds(self) -> bool:
        """Tell whether the backlog has drained for good, and where somebody reads whether Redis has the hits back.

        Asks Postgres at most every DRAINED_FOR_S, else it is a no.

        Raises ToolFailed when Postgres does not answer.
        """
        now_s = time.time()
        start_s, end_s = (epoch_s - self._injected_s for epoch_s in self._baseline)
        moments = Moments(start_s, end_s, now_s - LOGGED_S - self._injected_s)
        if now_s < self._again_s or (self._reads and not self._hits_are_back(moments)):
            return False
        self._again_s = now_s + DRAINED_FOR_S
        ledger_room.read_commits(self._hub.endpoints.postgres_dsn, self._ledger / COMMITS_FILE, self._since_s)
        writes = ledger_room.write_table(self._ledger, self._hub.topology, self._injected_s, COMMITS_FILE)
        evidence = Evidence(writes, moments, Counts(), len(self._hub.topology.partition_labels))
        return not math.isnan(backlog_drained_s(evidence))

    def _hits_are_back(self, moments: Moments) -> bool:
        return not math.isnan(refilled_s(read_table(self._load, self._injected_s), moments))
