"""The console that a command prints its tables on."""

from __future__ import annotations

from typing import Final

from rich.console import Console

WIDTH: Final = 120  # columns


def a_console(width_without_terminal: int = WIDTH, highlight: bool = True) -> Console:
    """Return a console as wide as the terminal, or so many columns wide where the output is none."""
    return Console(width=None if Console().is_terminal else width_without_terminal, highlight=highlight)
