"""A collector's file: one sample a line, readable after any crash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson


def read_samples(path: Path) -> list[dict[str, Any]]:
    """Return a collector's samples, blind ones included; a line cut short by a crash is left out."""
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines(keepends=True)
    return [orjson.loads(line) for line in lines if line.endswith(b"\n")]
