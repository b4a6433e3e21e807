"""How an activity of an experiment finds the hub it acts on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from workbench.errors import BadInput
from workbench.target import kubernetes, local
from workbench.target.port import DrillHub

TARGETS: Final[Mapping[str, Callable[[str], DrillHub]]] = {"local": local.attach, "kubernetes": kubernetes.attach}


def find(target: str, hub: str) -> DrillHub:
    """Return the hub `hub` (id or directory; "" = the only one that is up) of a target.

    Raises BadInput for an unknown target, MachineTrouble when no such hub is up.
    """
    if target not in TARGETS:
        raise BadInput(f"unknown target {target!r}: one of {', '.join(TARGETS)}")
    return TARGETS[target](hub)
