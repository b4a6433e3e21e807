"""What must hold of every forecast: a broken rule ends it, it does not bend it.

Left out: anything about how likely a moment is; theory tests do that.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from workbench.errors import ToolFailed
from workbench.model.control_plane.owner import Owner
from workbench.model.parameter import FloatArray

SLACK_S = 1e-6


def in_order(**moments: FloatArray) -> None:
    """Raise ToolFailed unless each moment comes no earlier than the one before, where both happen."""
    names = list(moments)
    for earlier, later in pairwise(names):
        if np.any(moments[later] < moments[earlier] - SLACK_S):
            raise ToolFailed(f"the control plane's model put {later} before {earlier}")


def follows(cause: str, cause_s: FloatArray, effect: str, effect_s: FloatArray) -> None:
    """Raise ToolFailed where an effect happens without its cause."""
    if np.any(np.isfinite(effect_s) & ~np.isfinite(cause_s)):
        raise ToolFailed(f"the control plane's model has {effect} without {cause}")


def tolerated(
    tainted_s: FloatArray, terminating_s: FloatArray, toleration_s: float, out_of_service_s: float = np.inf
) -> None:
    """Raise ToolFailed where a pod was deleted before its toleration was over and nobody asked for it by hand."""
    earliest_s = np.minimum(tainted_s + toleration_s, np.maximum(tainted_s, out_of_service_s))
    if np.any(terminating_s < earliest_s - SLACK_S):
        raise ToolFailed("the control plane's model evicted a pod before its toleration was over")


def one_at_a_time(owner: Owner, runs_s: FloatArray, removed_s: FloatArray, back_s: float) -> None:
    """Raise ToolFailed where a pod of a fixed name runs again while the one before is still Terminating."""
    if owner is Owner.REPLICA_SET:
        return
    free_s = np.fmin(removed_s, back_s)
    if np.any(np.isfinite(runs_s) & ~(runs_s >= free_s - SLACK_S)):
        raise ToolFailed(f"the control plane's model replaced a {owner} pod while it was Terminating")
