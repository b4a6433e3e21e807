"""Prediction and observation: the columns that are sealed, the values they are compared with.

Everything a page shows (median, intervals, the verdict's adjusted interval) is derived from the
replications' values by `interval`; none of it is stored beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from workbench.records.folder import FORMAT_VERSION, dump_json_compact, load_json

ENVELOPE_PERCENTS: Final = (5, 25, 50, 75, 95)
SIGNIFICANT_DIGITS: Final = 4
CURVES: Final = ("acked_per_s", "ack_s_p99", "backlog_events", "lag_records")


@dataclass(frozen=True)
class Prediction:
    """What the model said. None stands for "this replication has no value"."""

    scenario: str
    seed: int
    replications: int
    metrics: Mapping[str, Sequence[float | None]]  # every catalogue row, one value a replication
    parameters: Mapping[str, Sequence[float]]  # the uncertain parameters each replication drew
    silent_spans: Mapping[str, Mapping[str, Sequence[float | None]]]  # "topic-partition" -> start_s, end_s columns
    envelope_grid_s: Sequence[float]  # seconds since the fault, every 0.25 s
    envelopes: Mapping[str, Mapping[str, Sequence[float | None]]]  # curve -> "5".."95" -> values

    def to_bytes(self) -> bytes:
        """Return the file's bytes: sorted keys, 4 significant digits; equal predictions give equal bytes."""
        return dump_json_compact(
            {
                "format": FORMAT_VERSION,
                "scenario": self.scenario,
                "seed": self.seed,
                "replications": self.replications,
                "metrics": _rounded(self.metrics),
                "parameters": _rounded(self.parameters),
                "silent_spans": _rounded(self.silent_spans),
                "envelope_grid_s": _rounded(self.envelope_grid_s),
                "envelopes": _rounded(self.envelopes),
            }
        )


def read_prediction(path: Path) -> Prediction:
    """Return the prediction of a run folder."""
    raw = load_json(path)
    raw.pop("format")
    return Prediction(**raw)


def interval(values: Sequence[float | None], percent: float) -> tuple[float, float]:
    """Return the central interval that holds `percent` of the replications' values; NaNs if none has one."""
    present = finite(values)
    if len(present) == 0:
        return float("nan"), float("nan")
    tail = (100.0 - percent) / 2.0
    low, high = np.percentile(present, [tail, 100.0 - tail])
    return float(low), float(high)


def median(values: Sequence[float | None]) -> float:
    """Return the median of the replications' values; NaN if none has one."""
    present = finite(values)
    return float(np.median(present)) if len(present) else float("nan")


def finite(values: Sequence[float | None]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the values that are numbers, as an array."""
    array = numbers(values)
    return array[np.isfinite(array)]


def numbers(values: Sequence[float | None]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the values as an array, NaN for None."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def lies_inside(value: float | None, at_least: float | None, ends: tuple[float, float]) -> bool | None:
    """Tell whether an observation lies in an interval; None where that cannot be told.

    `at_least`: the clock was still running when watching ended; beyond the interval's end that is outside.
    """
    low, high = ends
    if value is not None:
        return low <= value <= high
    return False if at_least is not None and at_least > high else None


def round_significant(value: float | None) -> float | None:
    """Return a number with SIGNIFICANT_DIGITS digits, None for NaN."""
    if value is None or not np.isfinite(value):
        return None
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def _rounded(value: Any) -> Any:
    """Return nested mappings and columns with every number rounded."""
    if isinstance(value, Mapping):
        return {str(key): _rounded(inner) for key, inner in value.items()}
    if isinstance(value, str):
        return value
    return [round_significant(None if item is None else float(item)) for item in value]


@dataclass(frozen=True)
class Observation:
    """What was observed of one metric: a value, or the reason why there is none.

    `at_least` is set when the clock was still running as watching ended: the value is not known, but larger.
    """

    value: float | None
    reason: str  # "" when there is a value
    method: str
    resolution: float
    at_least: float | None = None
