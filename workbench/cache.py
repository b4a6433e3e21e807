"""The one folder outside the project where the workbench keeps what it can get or make again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_directory() -> Path:
    """Return <cache>: $XDG_CACHE_HOME (a relative one is ignored, as its specification says) or ~/.cache, then ours."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "hub-workbench"
