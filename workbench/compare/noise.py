"""The noise floor: how far the median of a few repeats is from itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from workbench.streams import stream

BOOTSTRAPS: Final = 2000


def noise_floor(values: Sequence[float], name: str) -> float:
    """Return half the bootstrap 90 % range of the median over repeats, in the values' unit.

    Percentile bootstrap (Efron 1979), BOOTSTRAPS resamples from the stream "noise-floor/<name>". NaN below
    two values.
    """
    if len(values) < 2:
        return math.nan
    rng = stream(0, "noise-floor", name)
    medians = np.median(rng.choice(np.array(values), size=(BOOTSTRAPS, len(values))), axis=1)
    low, high = np.percentile(medians, [5.0, 95.0])
    return float(high - low) / 2.0
