"""What the terminal shows of a plan's search: how far it is and how long it takes, and what it found."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.status import Status
from rich.table import Column
from rich.table import Table as RichTable

from workbench.report.plan_search import change_words, set_up_words


class SearchProgress:
    """Tells on stderr: a line redrawn in place, or, where it is no terminal, a line each tenth."""

    def __init__(self, console: Console, status: Status, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._status, self._clock = console, status, clock
        self._began_s = clock()
        self._before = 0
        self._told = -1
        self.words = "no set-up is assessed yet"

    def begins(self, kept: int) -> None:
        """Say what is kept from before."""
        self._began_s = self._clock()
        if kept:
            self._console.print(f"{kept} assessments are kept from before", highlight=False)

    def found(self, done: int, set_ups: int, computed: int) -> None:
        """Show how many are done, and about how long the rest takes."""
        self.words = f"{done} of {set_ups} set-ups assessed"
        words = f"searching: {self.words}"
        if computed:
            each_s = (self._clock() - self._began_s) / computed
            words += f", at most {_minutes(each_s * max(0, set_ups - done))} left"
        self._status.update(words)
        tenth = 10 * done // max(1, set_ups)
        if not self._console.is_terminal and tenth != self._told:
            self._console.print(words, highlight=False)
        self._told = tenth


def _minutes(left_s: float) -> str:
    return f"{left_s:.0f} s" if left_s < 90 else f"{left_s / 60.0:.0f} min"


def print_search(console: Console, found: dict[str, Any]) -> None:
    """Print the front, the recommended change, and what of it a person does."""
    unit = found["prices"]["unit"]
    table = RichTable(Column(f"cost, {unit}", justify="right"), "outage", "p99", "set-up")
    for each in found["front"]:
        table.add_row(*set_up_words(each))
    if found["front"]:
        console.print(table)
    for line in change_words(found):
        console.print(f"change: {line}", highlight=False)
    for line in found["by_hand"]:
        console.print(f"by hand: {line}", highlight=False)
