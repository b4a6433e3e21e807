"""Finding every process of a hub, however it was started, and ending it.

A process belongs to a hub when its environment carries the hub's directory. Postgres and Redis write their
titles over the environment they were started with; they are known by working inside the hub's directory.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

import psutil

from workbench.target.local.places import DIRECTORY_MARK

POLL_S: Final = 0.05
TITLE_WRITERS: Final = ("postgres", "redis-server")
MILD_S: Final = 2.0  # Postgres gets this long to leave by itself, which removes its shared memory
# A process that forks and ends while /proc is read is missed, and its child is not in that list: the next one has it.
EMPTY_SCANS: Final = 2


def processes_of(directory: Path, but: Collection[int] = ()) -> list[psutil.Process]:
    """Return this user's living processes that belong to the hub in `directory`, without the ids in `but`."""
    return [process for process, home in _marked_processes() if home == str(directory) and process.pid not in but]


def directories_in_use(parent: Path) -> set[Path]:
    """Return the hubs' directories directly below `parent` that living processes belong to."""
    homes = {Path(home) for _, home in _marked_processes()}
    return {home for home in homes if home.parent == parent}


def end_processes(
    directory: Path, *, timeout_s: float, but: Collection[int] = (), between: Callable[[], None] | None = None
) -> list[int]:
    """End every process of the hub in `directory`; return the ids of those still there after `timeout_s`.

    Postgres gets SIGQUIT (its immediate shutdown) and SIGKILL after MILD_S; all others get SIGKILL.
    `between` is called after each round, so that a parent can reap.
    """
    begun_s = time.monotonic()
    empty_scans = 0
    while True:
        alive = processes_of(directory, but)
        if between is not None:
            between()
        waited_s = time.monotonic() - begun_s
        empty_scans = 0 if alive else empty_scans + 1
        if empty_scans == EMPTY_SCANS or waited_s > timeout_s:
            return [process.pid for process in alive]
        for process in alive:
            _end(process, mild=waited_s < MILD_S)
        time.sleep(POLL_S)


def _end(process: psutil.Process, *, mild: bool) -> None:
    try:
        is_postgres = process.name() == "postgres"
        process.send_signal(signal.SIGQUIT if is_postgres and mild else signal.SIGKILL)
    except psutil.NoSuchProcess:
        return


def _marked_processes() -> list[tuple[psutil.Process, str]]:
    """Return this user's living processes that belong to any hub, with that hub's directory.

    Reads /proc itself: it has to be quick when a machine is at its limit. A process that has ended but is not
    reaped has neither environment nor working directory there, so it is never found.
    """
    mine = os.getuid()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if entry.stat().st_uid != mine:
                continue
            home = _mark_in((entry / "environ").read_bytes())
            if not home and (entry / "comm").read_text().strip() in TITLE_WRITERS:
                home = _hub_above(os.readlink(entry / "cwd"))
            if home:
                found.append((psutil.Process(int(entry.name)), home))
        except (OSError, psutil.NoSuchProcess):  # ended meanwhile, or another user's
            continue
    return found


def _mark_in(environment: bytes) -> str:
    """Return the hub's directory in an environment as /proc shows it, "" if there is none."""
    mark = f"{DIRECTORY_MARK}=".encode()
    for line in environment.split(b"\0"):
        if line.startswith(mark):
            return os.fsdecode(line[len(mark) :])
    return ""


def _hub_above(working_directory: str) -> str:
    """Return the hub's directory that a working directory lies in, "" if none: .../hub-workbench/hubs/<id>/..."""
    parts = Path(working_directory).parts
    for index in range(len(parts) - 2):
        if parts[index : index + 2] == ("hub-workbench", "hubs"):
            return str(Path(*parts[: index + 3]))
    return ""
