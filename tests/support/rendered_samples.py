"""The sample runs with their pages: rendering takes seconds, so all tests of one session share them."""

from __future__ import annotations

import fcntl
from pathlib import Path

from tests.support.sample_run import write_sample
from workbench.records.folder import RunFolder
from workbench.report import render


class Samples(dict[str, RunFolder]):
    """Every sample run by name, written and rendered when it is first asked for. Tests change copies only.

    Test processes that are given the same folder share its runs: one of them renders, the others wait for it.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def __missing__(self, name: str) -> RunFolder:
        """Write and render one, unless another process has."""
        done = self.folder / f"{name}.done"
        with (self.folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                render(write_sample(self.folder / name, name))
                done.touch()
        self[name] = RunFolder(self.folder / name)
        return self[name]
