"""Drills on a throwaway cluster: done so many times, then each moment predicted and observed in one table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click
import numpy as np
from rich.table import Column
from rich.table import Table as RichTable

from workbench.cli._console import a_console
from workbench.cli._long_running import stop_on_sigterm
from workbench.errors import EXIT_AS_EXPECTED, EXIT_MISSED

if TYPE_CHECKING:
    from workbench.drill.nodes.conducting import NodeDrill
    from workbench.drill.scheduling.bursting import BurstDrill


def drilled(once: Callable[[int], NodeDrill | BurstDrill], times: int, as_json: bool, heading: str) -> int:
    """Drill so many times, one after another; print what came of it and return the exit code."""
    stop_on_sigterm()
    drills = []
    for number in range(times):
        done = once(number)
        drills.append(done)
        if as_json:
            click.echo(done.folder.comparison_json.read_text().replace("\n", ""))
    if not as_json:
        _print_drills(drills, heading)
    return EXIT_AS_EXPECTED if all(row.inside for done in drills for row in done.compared) else EXIT_MISSED


def _print_drills(drills: Sequence[NodeDrill | BurstDrill], heading: str) -> None:
    """Print a row a moment: predicted, and observed in every drill."""
    console = a_console()
    table = RichTable(Column(heading), "predicted (90 %)", "observed", Column("inside", justify="right"))
    for row in zip(*(done.compared for done in drills), strict=True):
        observed = [each.observed for each in row if each.observed is not None]
        low, middle, high = np.percentile(observed, [0, 50, 100])
        spread = f" ({low:.2f} to {high:.2f})" if len(drills) > 1 else ""
        foreseen = np.median([(each.median, each.low, each.high) for each in row], axis=0)
        predicted = "{:.2f} ({:.2f} to {:.2f})".format(*foreseen)
        inside = f"{sum(each.inside for each in row)} of {len(row)}"
        table.add_row(
            row[0].title if row[0].unit == "s" else f"{row[0].title}, {row[0].unit}",
            predicted,
            f"{middle:.2f}{spread}",
            inside,
        )
    console.print(table)
    console.print(f"runs: {drills[0].folder.root.parent}", highlight=False)


__all__ = ["drilled"]
