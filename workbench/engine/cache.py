"""Where compiled kernels are kept between processes. Import this before numba's decorators are used."""

from __future__ import annotations

import os
from pathlib import Path

import numba


def cache_folder() -> Path:
    """Return the folder of the compiled kernels: NUMBA_CACHE_DIR, else below XDG_CACHE_HOME or ~/.cache."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hub-workbench" / "numba"


setattr(numba.config, "CACHE_DIR", str(cache_folder()))  # noqa: B010 - numba fills this module in at run time
