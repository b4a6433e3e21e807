"""When the load bursts, in a file that the load's subprocesses watch: whoever writes it decides when it begins.

What comes on top of the usual schedule is drawn ahead (workbench.load.plan); a source merges it into its own rows from
the beginning on, so the sequence of what was planned before does not change.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from workbench.records.folder import dump_json, load_json, write_durably

BURST_FILE: Final = "burst.json"
NOTICE_S: Final = 1.5  # the sources look every quarter of a second, and need a while to merge


@dataclass(frozen=True)
class LoadBurst:
    """A stretch of more load. Times: epoch seconds; infinity where none was asked for."""

    begin_s: float = math.inf
    end_s: float = math.inf


NO_BURST: Final = LoadBurst()


def write_burst(load: Path, burst: LoadBurst) -> None:
    """Ask the load in this folder to burst; its begin, or the end of one that runs, at least NOTICE_S ahead."""
    write_durably(load / BURST_FILE, dump_json(asdict(burst)))


def read_burst(load: Path) -> LoadBurst:
    """Return the burst that was asked for; NO_BURST while there is none."""
    try:
        return LoadBurst(**load_json(load / BURST_FILE))
    except FileNotFoundError:
        return NO_BURST
