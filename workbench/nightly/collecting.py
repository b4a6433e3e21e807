"""Runs a list of drills one after another and keeps a reference record of every seal; goes on where it stopped."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workbench.compare.reference import INCOMPLETE, record_of
from workbench.errors import EXIT_MACHINE, EXIT_STOPPED, EXIT_UNDO_UNVERIFIED, ToolFailed
from workbench.records.reference import read_records, write_record
from workbench.records.runs_index import read_index

DRILL_MAX_S: Final = 1800.0
FAILURES_MAX: Final = 3  # in a row: then the machine, not a drill, is the trouble


@dataclass(frozen=True)
class Wanted:
    """So many drills of one scenario; its seeds count up from the collection's."""

    scenario: str
    drills: int


def collect(
    wanted: Sequence[Wanted], first_seed: int, out: Path, reference: Path, say: Callable[[str], None]
) -> list[Path]:
    """Run every drill that has no record yet, scenarios taking turns; return the records written.

    What a drill prints goes to collect-<scenario>-<seed>.log in `out`. Raises ToolFailed after FAILURES_MAX
    failures in a row, and at once when a drill was stopped or may have left something broken.
    """
    out.mkdir(parents=True, exist_ok=True)
    written, failures = add_records(out, reference), 0
    # A drill whose driver was killed says nothing: its record stays, unscored, and its seed is run again.
    there = {(each.scenario, each.seed) for each in read_records(reference) if each.unscored != INCOMPLETE}
    drills = [(name, seed) for name, seed in _in_turns(wanted, first_seed) if (Path(name).stem, seed) not in there]
    say(f"{len(drills)} drills to run")
    for scenario, seed in drills:
        log = out / f"collect-{scenario}-{seed}.log"
        code = _drill(scenario, seed, out, log)
        written += add_records(out, reference)
        say(f"{scenario} seed {seed}: exit {code}")
        if code in {EXIT_STOPPED, EXIT_UNDO_UNVERIFIED}:
            raise ToolFailed(f"{scenario} seed {seed} ended with exit code {code}: see {log}")
        failures = failures + 1 if code == EXIT_MACHINE else 0
        if failures == FAILURES_MAX:
            raise ToolFailed(f"{failures} drills in a row failed, the last was {scenario} seed {seed}: see {log}")
    return written


def add_records(out: Path, reference: Path) -> list[Path]:
    """Write the record of every seal in a folder of runs that has none yet; return them.

    One that was incomplete when it was recorded is looked at again: its drill may have been under way.
    """
    settled = {record.run_id for record in read_records(reference) if record.unscored != INCOMPLETE}
    records = [record_of(sealed) for sealed in read_index(out) if sealed.run_id not in settled]
    return [write_record(reference, record) for record in records if record is not None]


def _in_turns(wanted: Sequence[Wanted], first_seed: int) -> list[tuple[str, int]]:
    columns = [[(each.scenario, first_seed + step) for step in range(each.drills)] for each in wanted]
    rounds = itertools.zip_longest(*columns)
    return [drill for each in rounds for drill in each if drill is not None]


def _drill(scenario: str, seed: int, out: Path, log: Path) -> int:
    """Run one drill; an interrupt reaches it as well, and its own end is awaited."""
    argv = [sys.executable, "-m", "workbench.cli", "drill", scenario, "--seed", str(seed), "--out", str(out)]
    with log.open("wb") as file:
        process = subprocess.Popen(argv, stdout=file, stderr=subprocess.STDOUT)
        try:
            return process.wait(DRILL_MAX_S)
        except subprocess.TimeoutExpired as error:
            raise ToolFailed(f"{scenario} seed {seed} took longer than {DRILL_MAX_S:.0f} s: see {log}") from error
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
