"""What a forecast holds: moments, what becomes of each pod, and their JSON form.

Left out: how they are shown; the command line does that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from workbench.model.control_plane.constants import Release
from workbench.model.control_plane.lifecycle import FOREVER
from workbench.model.control_plane.workloads import Pod
from workbench.model.control_plane.zones import ZoneState
from workbench.model.parameter import FloatArray, Parameter

SIGNIFICANT_DIGITS: Final = 4


@dataclass(frozen=True)
class Loss:
    """What is lost and what is done about it (s after the loss; infinite: never)."""

    node: str
    control_plane: bool = False  # lost as well, for a while
    back_s: float = FOREVER  # the node's kubelet is back
    out_of_service_s: float = FOREVER  # a person sets the out-of-service taint


@dataclass(frozen=True)
class Moment:
    """One moment or amount: a value a replication, NaN where it does not come."""

    name: str
    title: str
    unit: str
    values: FloatArray

    @property
    def share(self) -> float:
        """Return the share of replications in which it comes."""
        return float(np.isfinite(self.values).mean())

    def percentile(self, percent: float) -> float:
        """Return a percentile of the replications in which it comes, NaN without any."""
        present = self.values[np.isfinite(self.values)]
        return float(np.percentile(present, percent)) if len(present) else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: title, unit, median, 90 % interval and share; null where it never comes."""
        low, middle, high = (_rounded(self.percentile(percent)) for percent in (5.0, 50.0, 95.0))
        interval = None if low is None else [low, high]
        words = {"name": self.name, "title": self.title, "unit": self.unit}
        return {**words, "median": middle, "interval_90": interval, "share": _rounded(self.share)}


def moment_of(moments: Iterable[Moment], name: str) -> Moment:
    """Return the moment of that name. Raises KeyError."""
    return {each.name: each for each in moments}[name]


@dataclass(frozen=True)
class Fate:
    """What becomes of one pod of the lost node."""

    pod: Pod
    terminating: Moment
    runs_again: Moment
    given_up: bool  # by Kubegres, which makes an instance with a new name
    becomes: str  # a few words
    why: str

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "pod": self.pod.name,
            "owner": self.pod.owner.value,
            "local_volume": self.pod.traits.local_volume,
            "toleration_s": self.pod.traits.toleration_s if np.isfinite(self.pod.traits.toleration_s) else None,
            "moments": [self.terminating.to_dict(), self.runs_again.to_dict()],
            "becomes": self.becomes,
            "why": self.why,
        }


@dataclass(frozen=True)
class Forecast:
    """What a node's loss does, when, and to whom."""

    loss: Loss
    release: Release
    seed: int
    replications: int
    zone: ZoneState
    counted_from: str
    moments: tuple[Moment, ...]
    fates: tuple[Fate, ...]
    parameters: Mapping[str, Parameter]

    def moment(self, name: str) -> Moment:
        """Return the moment of that name. Raises KeyError."""
        return moment_of(self.moments, name)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "node": self.loss.node,
            "control_plane_lost": self.loss.control_plane,
            "kubernetes": self.release.name,
            "seed": self.seed,
            "replications": self.replications,
            "counted_from": self.counted_from,
            "zone": self.zone.value,
            "moments": [each.to_dict() for each in self.moments],
            "pods": [each.to_dict() for each in self.fates],
            "parameters": {name: row.to_dict() for name, row in sorted(self.parameters.items())},
        }


def _rounded(value: float) -> float | None:
    """Return four significant digits, None for NaN."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}") if np.isfinite(value) else None
