"""The sample runs with their pages: rendering takes seconds, so all tests of one session share them."""

from __future__ import annotations

from pathlib import Path

from tests.support.sample_run import write_sample
from workbench.records.folder import RunFolder
from workbench.report import render


class Samples(dict[str, RunFolder]):
    """Every sample run by name, written and rendered when it is first asked for. Tests change copies only."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def __missing__(self, name: str) -> RunFolder:
        """Write and render one."""
        run = write_sample(self.folder / name, name)
        render(run)
        self[name] = run
        return run
