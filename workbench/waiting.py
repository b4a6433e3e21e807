"""Waiting for a condition or a moment, always with a bound."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

SLEEP_S_MAX: Final = 0.5  # so that a clock that was set forward is noticed


def happens(condition: Callable[[], bool], timeout_s: float, poll_s: float) -> bool:
    """Look every `poll_s` until a condition holds; tell whether it did within `timeout_s`."""
    deadline_s = time.monotonic() + timeout_s
    while not (holds := condition()) and time.monotonic() < deadline_s:
        time.sleep(poll_s)
    return holds


def sleep_until(epoch_s: float) -> None:
    """Sleep to an epoch time (s); returns at once when it has passed."""
    while (left_s := epoch_s - time.time()) > 0:
        time.sleep(min(left_s, SLEEP_S_MAX))
