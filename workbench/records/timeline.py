"""The timeline: append-only JSON lines, flushed per entry, readable after any crash."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

CLOCK: Final = "host-realtime"  # one machine, one clock: time.time()


@dataclass(frozen=True)
class Entry:
    """One entry: `t_s` is the epoch time on `clock`."""

    t_s: float
    kind: str
    data: dict[str, Any]
    clock: str = CLOCK


def append(path: Path, kind: str, t_s: float | None = None, **data: Any) -> Entry:
    """Append one entry and flush it; several subprocesses may write to one timeline (O_APPEND, one write)."""
    entry = Entry(time.time() if t_s is None else t_s, kind, data)
    line = orjson.dumps(
        {"t": entry.t_s, "clock": entry.clock, "kind": kind, "data": data},
        option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY,
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(descriptor, line)
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
    return entry


def read(path: Path) -> list[Entry]:
    """Return the entries by time; a last line cut short by a crash is left out."""
    entries = []
    if not path.exists():
        return []
    for line in path.read_bytes().splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        raw = orjson.loads(line)
        entries.append(Entry(raw["t"], raw["kind"], raw["data"], raw["clock"]))
    return sorted(entries, key=lambda entry: entry.t_s)


def first(entries: list[Entry], kind: str) -> Entry | None:
    """Return the first entry of a kind."""
    return next((entry for entry in entries if entry.kind == kind), None)


def last(entries: list[Entry], kind: str) -> Entry | None:
    """Return the last entry of a kind."""
    return next((entry for entry in reversed(entries) if entry.kind == kind), None)
