"""The append-only index of sealed predictions: no run can be dropped quietly."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from workbench.records.folder import load_json

INDEX_NAME: Final = "index.jsonl"


@dataclass(frozen=True)
class IndexedRun:
    """One sealed prediction and what its folder says now."""

    run_id: str
    scenario: str
    seed: int
    sealed_s: float
    sha256: str
    folder: Path
    run: dict[str, Any] | None  # run.json, None when the folder is gone

    @property
    def state(self) -> str:
        """Return "complete", "incomplete" or "gone"."""
        if self.run is None:
            return "gone"
        return "complete" if self.run["complete"] else "incomplete"


def enter(out: Path, run_id: str, scenario: str, seed: int, sealed_s: float, sha256: str, folder: Path) -> None:
    """Append one sealed prediction, flushed to disk."""
    line = orjson.dumps(
        {
            "run_id": run_id,
            "scenario": scenario,
            "seed": seed,
            "sealed_s": sealed_s,
            "sha256": sha256,
            "folder": str(folder.relative_to(out)),
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )
    with (out / INDEX_NAME).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def read_index(out: Path) -> list[IndexedRun]:
    """Return every sealed prediction, oldest first."""
    path = out / INDEX_NAME
    if not path.exists():
        return []
    found = []
    for line in path.read_bytes().splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        raw = orjson.loads(line)
        folder = out / raw.pop("folder")
        run_json = folder / "run.json"
        found.append(IndexedRun(folder=folder, run=load_json(run_json) if run_json.exists() else None, **raw))
    return found
