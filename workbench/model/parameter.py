"""One number of the model: a value or a distribution, its unit, and on whose word it is believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from statistics import NormalDist
from typing import Any, Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

NORMAL: Final = NormalDist()


class Source(StrEnum):
    """Where a parameter comes from, the most trusted first."""

    MANIFEST = "manifest"
    SCENARIO = "scenario"
    BASELINE = "baseline"  # measured by this run on its own hub, before the seal
    CALIBRATION = "calibration"
    PRIOR = "prior"  # a published source or a default in a program's source


class Kind(StrEnum):
    """Families of distributions."""

    UNIFORM = "uniform"
    TRIANGULAR = "triangular"
    LOGNORMAL = "lognormal"
    EMPIRICAL = "empirical"  # the measured values themselves


FIELDS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.UNIFORM: ("low", "high"),
    Kind.TRIANGULAR: ("low", "mode", "high"),
    Kind.LOGNORMAL: ("median", "sigma"),
}


@dataclass(frozen=True)
class Distribution:
    """A distribution; `numbers` in the order of FIELDS, for EMPIRICAL the values themselves."""

    kind: Kind
    numbers: tuple[float, ...]

    @cached_property
    def values(self) -> FloatArray:
        """Return the numbers as one array."""
        return np.array(self.numbers)

    def quantile(self, share: FloatArray) -> FloatArray:
        """Return the value below which `share` (0 .. 1) of the draws fall, by the inverse of the distribution."""
        share = np.asarray(share, dtype=np.float64)
        if self.kind is Kind.EMPIRICAL:
            values = np.sort(self.values)
            return values[np.minimum((share * len(values)).astype(np.int64), len(values) - 1)]
        if self.kind is Kind.UNIFORM:
            low, high = self.numbers
            return low + share * (high - low)
        if self.kind is Kind.LOGNORMAL:
            median, sigma = self.numbers
            normal = np.array([NORMAL.inv_cdf(each) for each in share.ravel().tolist()]).reshape(share.shape)
            return median * np.exp(sigma * normal)
        low, mode, high = self.numbers
        turn = (mode - low) / (high - low)
        rising = low + np.sqrt(share * (high - low) * (mode - low))
        falling = high - np.sqrt((1.0 - share) * (high - low) * (high - mode))
        return np.where(share < turn, rising, falling)

    @property
    def median(self) -> float:
        """Return the value below which half of the draws fall."""
        return float(self.quantile(np.array([0.5]))[0])

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: the kind and its numbers by name."""
        if self.kind is Kind.EMPIRICAL:
            return {"kind": self.kind.value, "values": list(self.numbers)}
        return {"kind": self.kind.value, **dict(zip(FIELDS[self.kind], self.numbers, strict=True))}


def distribution_from_dict(raw: Mapping[str, Any]) -> Distribution:
    """Return the distribution of its JSON form. Raises KeyError or ValueError for anything else."""
    kind = Kind(raw["kind"])
    if kind is Kind.EMPIRICAL:
        return Distribution(kind, tuple(float(value) for value in raw["values"]))
    return Distribution(kind, tuple(float(raw[name]) for name in FIELDS[kind]))


def uniform(low: float, high: float) -> Distribution:
    """Return the uniform distribution over [low, high]."""
    return Distribution(Kind.UNIFORM, (low, high))


def triangular(low: float, mode: float, high: float) -> Distribution:
    """Return the triangular distribution with its peak at `mode`."""
    return Distribution(Kind.TRIANGULAR, (low, mode, high))


def lognormal(median: float, sigma: float) -> Distribution:
    """Return the lognormal distribution with this median and this standard deviation of the logarithm."""
    return Distribution(Kind.LOGNORMAL, (median, sigma))


def empirical(values: tuple[float, ...]) -> Distribution:
    """Return the distribution of measured values."""
    return Distribution(Kind.EMPIRICAL, values)


@dataclass(frozen=True)
class Parameter:
    """One row of parameters.json. `value` is a JSON value (a number, a name, a mapping) or a Distribution."""

    value: Any
    unit: str  # "s", "events", "1/s", "" for a name or a count
    source: Source
    origin: str  # file and key, class and constant, or measured how
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        held = {"distribution": self.value.to_dict()} if isinstance(self.value, Distribution) else {"value": self.value}
        return {**held, "unit": self.unit, "source": self.source.value, "origin": self.origin, "note": self.note}


def prior(value: Distribution | float, unit: str, origin: str, note: str = "") -> Parameter:
    """Return a row that neither manifests nor measurements give."""
    return Parameter(value, unit, Source.PRIOR, origin, note)


def parameter_from_dict(raw: Mapping[str, Any]) -> Parameter:
    """Return the parameter of its JSON form. Raises KeyError or ValueError for anything else."""
    value = distribution_from_dict(raw["distribution"]) if "distribution" in raw else raw["value"]
    return Parameter(value, raw["unit"], Source(raw["source"]), raw["origin"], raw["note"])
