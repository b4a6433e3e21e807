"""Repeats of one drill: noise floor, coverage and the error of the medians."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.compare.noise import noise_floor
from workbench.records.folder import FORMAT_VERSION, dump_json


def summarize_series(comparisons: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return, for each metric of several runs' comparison.json, observed and predicted medians and coverage."""
    names = list(dict.fromkeys(row["name"] for comparison in comparisons for row in comparison["metrics"]))
    return {name: _metric(name, comparisons) for name in names}


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
