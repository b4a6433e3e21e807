"""Where compiled kernels are kept between processes. Import this before numba's decorators are used."""

from __future__ import annotations

import os
from pathlib import Path

import numba

from workbench.cache import cache_directory


def cache_folder() -> Path:
    """Return the folder of the compiled kernels: NUMBA_CACHE_DIR, else in the workbench's own cache."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    return Path(named) if named else cache_directory() / "numba"


setattr(numba.config, "CACHE_DIR", str(cache_folder()))  # noqa: B010 - numba fills this module in at run time
