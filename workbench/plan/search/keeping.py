"""What was assessed, kept on disk as it comes in: a search that was killed goes on where it was.

One SQLite file; a row is a function of its key, so any number of searches may share it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import orjson

from workbench.plan.search.set_up import SetUp
from workbench.records.folder import dump_json_compact

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS assessment (
    context TEXT NOT NULL, set_up TEXT NOT NULL, found BLOB NOT NULL, PRIMARY KEY (context, set_up)
)
"""


class Kept:
    """The assessments of one context, by set-up; a context manager."""

    def __init__(self, file: Path, context_sha256: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.file = file
        self._context = context_sha256
        self._database = sqlite3.connect(file, isolation_level=None)
        self._database.execute(_TABLE)

    def __enter__(self) -> Kept:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._database.close()

    def __len__(self) -> int:
        row = self._database.execute("SELECT count(*) FROM assessment WHERE context = ?", (self._context,)).fetchone()
        return int(row[0])

    def get(self, set_up: SetUp) -> dict[str, Any] | None:
        """Return what was found of a set-up, None if it was not assessed."""
        query = "SELECT found FROM assessment WHERE context = ? AND set_up = ?"
        row = self._database.execute(query, (self._context, _key(set_up))).fetchone()
        return None if row is None else dict(orjson.loads(row[0]))

    def put(self, set_up: SetUp, found: Mapping[str, Any]) -> None:
        """Keep what was found; it is on disk when this returns."""
        row = (self._context, _key(set_up), dump_json_compact(found))
        self._database.execute("INSERT OR REPLACE INTO assessment VALUES (?, ?, ?)", row)


def _key(set_up: SetUp) -> str:
    return dump_json_compact(set_up.to_dict()).decode()
