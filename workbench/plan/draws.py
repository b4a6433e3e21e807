"""Draws of the parameters that the stations' rates use."""

from __future__ import annotations

from typing import Final

from workbench.plan.basis import Basis

DRAWS: Final = 200  # of the stations' rates
Draws = list[dict[str, float]]


def draws_of(basis: Basis, seed: int, count: int) -> Draws:
    """Return so many draws of the parameters, each with every constant by name."""
    constants = {
        name: float(row.value)
        for name, row in basis.parameters.by_name.items()
        if isinstance(row.value, int | float) and not isinstance(row.value, bool)
    }
    drawn = basis.parameters.draws(seed, range(count))
    return [{**constants, **{name: float(values[i]) for name, values in drawn.items()}} for i in range(count)]
