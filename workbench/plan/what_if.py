"""One choice beside another: what a loss then means, as a row of the what-ifs' table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.metrics.tables import FloatArray


@dataclass(frozen=True)
class WhatIf:
    """One choice: what is asked, as it stands and otherwise; s after the loss, None: never."""

    question: str
    choice: str
    outcome: str
    median_s: float | None
    low_s: float | None
    high_s: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        ends = None if self.low_s is None else [self.low_s, self.high_s]
        return {
            "question": self.question,
            "choice": self.choice,
            "outcome": self.outcome,
            "median_s": self.median_s,
            "interval_90_s": ends,
        }


def spread(question: str, choice: str, outcome: str, values: FloatArray) -> WhatIf:
    """Return a choice with median and 90 % interval of one value a replication (s)."""
    low, middle, high = (float(f"{np.quantile(values, share):.4g}") for share in (0.05, 0.5, 0.95))
    return WhatIf(question, choice, outcome, middle, low, high)


def never(question: str, choice: str, outcome: str) -> WhatIf:
    """Return a choice after which what is asked for does not come by itself."""
    return WhatIf(question, choice, outcome, None, None, None)
