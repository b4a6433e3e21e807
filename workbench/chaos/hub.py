"""How an activity of an experiment finds the hub it acts on."""

from __future__ import annotations

from workbench.errors import BadInput
from workbench.target.local import LocalHub, attach

TARGETS = ("local",)


def find(target: str, hub: str) -> LocalHub:
    """Return the hub `hub` (id or directory; "" = the only one that is up) of a target.

    Raises BadInput for an unknown target, MachineTrouble when no such hub is up.
    """
    if target not in TARGETS:
        raise BadInput(f"unknown target {target!r}: one of {', '.join(TARGETS)}")
    return attach(hub)
