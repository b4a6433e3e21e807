"""Compiled loops: the decorator, and the folder where they are kept between processes."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import update_wrapper
from pathlib import Path
from typing import Any, cast

from workbench.cache import cache_directory


def cache_folder() -> Path:
    """Return the folder of compiled loops: NUMBA_CACHE_DIR, else in the workbench's own cache."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    return Path(named) if named else cache_directory() / "numba"


def compiled[Loop: Callable[..., Any]](loop: Loop) -> Loop:
    """Compile a loop when it is first called, and keep it; it may call only compiled loops of its own file."""
    return cast(Loop, _Compiled(loop))


class _Compiled:
    """A loop that asks for numba when it is first called: a process that calls none has no use for its long import."""

    def __init__(self, loop: Callable[..., Any]) -> None:
        update_wrapper(self, loop)
        self._loop = loop
        self._ready: Callable[..., Any] | None = None

    def __call__(self, *given: Any) -> Any:
        if self._ready is None:
            self._ready = _with_its_file(self._loop)
        return self._ready(*given)


def _with_its_file(loop: Callable[..., Any]) -> Callable[..., Any]:
    """Return a loop as numba knows it; those of its file are made known with it, since they call each other by name."""
    import numba

    setattr(numba.config, "CACHE_DIR", str(cache_folder()))  # noqa: B010 - numba fills this module in at run time
    names = loop.__globals__
    for name, other in list(names.items()):
        if isinstance(other, _Compiled) and other._loop.__module__ == loop.__module__:
            names[name] = numba.njit(cache=True)(other._loop)
    return cast(Callable[..., Any], names[loop.__name__])
