"""The embedded hub: real servers as processes of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.target.local.hub import LocalHub
    from workbench.target.local.launching import attach, start

__all__ = ["LocalHub", "attach", "start"]


def __getattr__(name: str) -> object:
    """Import on first use: the supervisor lives in this package and must stay small."""
    if name == "LocalHub":
        from workbench.target.local.hub import LocalHub

        return LocalHub
    if name in __all__:
        from workbench.target.local import launching

        return getattr(launching, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
