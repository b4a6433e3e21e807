"""Repeats of one drill: noise floor, coverage and the error of the medians."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from workbench.records.folder import FORMAT_VERSION, dump_json
from workbench.streams import stream

BOOTSTRAPS: Final = 2000


def summarize_series(comparisons: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return, for each metric of several runs' comparison.json, observed and predicted medians and coverage."""
    names = list(dict.fromkeys(row["name"] for comparison in comparisons for row in comparison["metrics"]))
    return {name: _metric(name, comparisons) for name in names}


def noise_floor(values: Sequence[float], name: str) -> float:
    """Return half the bootstrap 90 % range of the median over the repeats, in the metric's unit.

    Percentile bootstrap (Efron 1979), BOOTSTRAPS resamples from the stream "noise-floor/<name>". NaN below
    two values.
    """
    if len(values) < 2:
        return math.nan
    rng = stream(0, "noise-floor", name)
    medians = np.median(rng.choice(np.array(values), size=(BOOTSTRAPS, len(values))), axis=1)
    low, high = np.percentile(medians, [5.0, 95.0])
    return float(high - low) / 2.0


def write_series(folder: Path, runs: Sequence[Path], series: Mapping[str, Any]) -> Path:
    """Write series-<first run>.json beside the runs and return its path."""
    path = folder / f"series-{runs[0].name}.json"
    content = {"format": FORMAT_VERSION, "runs": [run.name for run in runs], "metrics": series}
    path.write_bytes(dump_json(content))
    return path


def _metric(name: str, comparisons: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    rows = [row for comparison in comparisons for row in comparison["metrics"] if row["name"] == name]
    observed = [row["observed"] for row in rows if row["observed"] is not None]
    predicted = [row["predicted"]["median"] for row in rows if row["predicted"]["median"] is not None]
    widths = [row["predicted"]["interval_90"][1] - row["predicted"]["interval_90"][0] for row in rows if predicted]
    middle = float(np.median(observed)) if observed else None
    expected = float(np.median(predicted)) if predicted else None
    floor = noise_floor(observed, name)
    return {
        "unit": rows[0]["unit"],
        "runs": len(rows),
        "observed": observed,
        "observed_median": middle,
        "predicted_median": expected,
        "error_of_median": (middle - expected) / expected if middle is not None and expected else None,
        "inside_90": sum(1 for row in rows if row["inside_90"]),
        "judged": sum(1 for row in rows if row["inside_90"] is not None),
        "width_90_median": float(np.median(widths)) if widths else None,
        "noise_floor": None if math.isnan(floor) else floor,
    }
