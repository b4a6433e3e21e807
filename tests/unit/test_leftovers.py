"""What scanning /proc for a hub's processes may miss, with real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from workbench.target.local import leftovers
from workbench.target.local.places import DIRECTORY_MARK

# Leaves its work to a child, as daemons do, once a line has been read; the child's id is what it prints.
LEAVES_A_CHILD = (
    "import os,sys,time\nsys.stdin.readline()\nchild = os.fork()\n"
    "if child:\n    os.write(1, b'%d\\n' % child)\n    os._exit(0)\ntime.sleep(300)\n"
)


class _Scanned:
    """/proc as it was listed before a process gave its work to a child and ended: the list has no such child."""

    def __init__(self, parent: subprocess.Popen[bytes]) -> None:
        self._parent = parent
        self.child: psutil.Process | None = None

    def iterdir(self) -> Iterator[Path]:
        """Return the entries; the first time, the process forks between their being listed and being read."""
        entries = list(Path("/proc").iterdir())
        if self.child is None:
            assert self._parent.stdin is not None
            assert self._parent.stdout is not None
            self._parent.stdin.close()
            self.child = psutil.Process(int(self._parent.stdout.readline()))
            self._parent.wait(timeout=20.0)
        return iter(entries)


def test_a_process_that_gives_its_work_away_during_a_scan_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One scan finds neither the parent, which has ended, nor the child, which is not in the list yet."""
    environment = {**os.environ, DIRECTORY_MARK: str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", LEAVES_A_CHILD], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        scanned = _Scanned(parent)
        monkeypatch.setattr(leftovers, "Path", lambda name: scanned if name == "/proc" else Path(name))
        left = leftovers.end_processes(tmp_path, timeout_s=20.0)
    assert scanned.child is not None
    try:
        assert left == []
        assert leftovers.processes_of(tmp_path) == []
    finally:
        if scanned.child.is_running():
            scanned.child.kill()
