"""Waits between attempts: doubling, bounded, back to the start after a success."""

from __future__ import annotations


class Backoff:
    """Doubling waits from `first_s` to at most `longest_s`.

    Without jitter: a hub has two or three processors, and a herd of three needs no spreading.
    """

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s

    def next_s(self) -> float:
        """Return the wait (s) before the next attempt."""
        wait_s = self._next_s
        self._next_s = min(self._longest_s, 2.0 * wait_s)
        return wait_s

    def reset(self) -> None:
        """Start over after a success."""
        self._next_s = self._first_s
