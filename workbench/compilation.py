"""Compiled loops: the decorator, and the folder where they are kept between processes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numba

from workbench.cache import cache_directory


def cache_folder() -> Path:
    """Return the folder of compiled loops: NUMBA_CACHE_DIR, else in the workbench's own cache."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    return Path(named) if named else cache_directory() / "numba"


setattr(numba.config, "CACHE_DIR", str(cache_folder()))  # noqa: B010 - numba fills this module in at run time


def compiled[Loop: Callable[..., Any]](loop: Loop) -> Loop:
    """Compile a loop when it is first called, and keep it; it may call only compiled loops of its own file."""
    return cast(Loop, numba.njit(cache=True)(loop))
