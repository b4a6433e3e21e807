"""Kills the driver of a drill with SIGKILL at random moments and looks at what is left.

Bounds: 5 s after the kill no process is there that was not there before the drill, the hub's folder is gone, and
`workbench report` renders the run as incomplete (exit code 0). Run it on a machine where nothing else starts.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from workbench.records import timeline
from workbench.records.folder import RunFolder
from workbench.streams import stream
from workbench.target.local.places import hubs_directory

SCENARIO: Final = "broker-loss-session-6s"  # the shortest one
WHOLE_DRILL_S: Final = 170.0
GONE_WITHIN_S: Final = 5.0
FOLDER_MAX_S: Final = 60.0
POLL_S: Final = 0.05
KERNEL: Final = 2  # kthreadd: parent of the kernel's own threads


@dataclass(frozen=True)
class Killed:
    """One driver's end."""

    after_s: float
    phase: str  # last entry of the timeline
    left: list[str]
    gone_s: float
    hubs_left: int
    incomplete: bool

    @property
    def clean(self) -> bool:
        """Tell whether every bound was kept."""
        return not self.left and not self.hubs_left and self.incomplete


def main() -> None:
    """Print one line a kill; exit with 1 when a bound was not kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=10, help="how many drivers (default 10)")
    parser.add_argument("--seed", type=int, default=1, help="draws the moments (default 1)")
    arguments = parser.parse_args()
    moments = stream(arguments.seed, "driver-kills").uniform(1.0, WHOLE_DRILL_S, arguments.times)
    print("killed after  in phase           gone after  left  hub folders  report")
    done = []
    for moment_s in moments.tolist():
        killed = kill_one(moment_s)
        done.append(killed)
        report = "incomplete" if killed.incomplete else "WRONG"
        print(
            f"{killed.after_s:10.1f} s  {killed.phase:16}  {killed.gone_s:8.1f} s  {len(killed.left):4}  "
            f"{killed.hubs_left:11}  {report}  {' '.join(killed.left)}".rstrip(),
            flush=True,
        )
    sys.exit(0 if all(killed.clean for killed in done) else 1)


def kill_one(after_s: float) -> Killed:
    """Start a drill, kill its driver after a time, and look at what is left."""
    before, hubs_before = _processes(), _hubs()
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "workbench.cli", "drill", SCENARIO, "--out", out]
        driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            begun_s = time.monotonic()
            folder = _folder(Path(out), begun_s)
            _wait_until(begun_s + after_s)
        finally:
            driver.send_signal(signal.SIGKILL)
            driver.wait()
        killed_s = time.monotonic()
        while (left := _processes() - before) and time.monotonic() - killed_s < GONE_WITHIN_S:
            time.sleep(POLL_S)
        gone_s = time.monotonic() - killed_s
        entries = timeline.read(folder.timeline)
        return Killed(
            after_s=killed_s - begun_s,
            phase=entries[-1].kind if entries else "nothing yet",
            left=[_name(process_id) for process_id in sorted(left)],
            gone_s=gone_s,
            hubs_left=len(_hubs() - hubs_before),
            incomplete=_renders_as_incomplete(folder),
        )


def _processes() -> set[int]:
    """Return every living process of the machine but the kernel's."""
    found = set()
    for process in psutil.process_iter(["ppid", "status"]):
        if process.info["ppid"] != KERNEL and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.add(process.pid)
    return found - {os.getpid(), KERNEL}


def _name(process_id: int) -> str:
    try:
        return f"{process_id}:{psutil.Process(process_id).name()}"
    except psutil.Error:
        return f"{process_id}:gone"


def _hubs() -> set[str]:
    return {path.name for path in hubs_directory().glob("*")} if hubs_directory().exists() else set()


def _folder(out: Path, begun_s: float) -> RunFolder:
    while not (found := list(out.glob("*/*/run.json"))):
        if time.monotonic() - begun_s > FOLDER_MAX_S:
            raise SystemExit("the drill made no run folder")
        time.sleep(POLL_S)
    return RunFolder(found[0].parent)


def _wait_until(moment_s: float) -> None:
    while time.monotonic() < moment_s:
        time.sleep(POLL_S)


def _renders_as_incomplete(folder: RunFolder) -> bool:
    command = [sys.executable, "-m", "workbench.cli", "report", str(folder.root)]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    page = folder.root / "report.md"
    return done.returncode == 0 and page.exists() and "incomplete" in page.read_text().lower()


if __name__ == "__main__":
    main()
