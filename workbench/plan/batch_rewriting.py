"""A draw's batch times with another fixed part or another part an event, in the stretches that they are fitted to."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.model.batches import batch_time


def with_batch_time(
    draws: Mapping[str, float], fixed_more_s: float = 0.0, event_factor: float = 1.0
) -> dict[str, float]:
    """Return the draws whose batches take `fixed_more_s` more each and `event_factor` as long an event.

    What is measured is two stretches (model/batches.py), so these are reckoned backwards from the batch time.
    """
    time = batch_time(draws)
    fixed_s, event_s = time.fixed_s + fixed_more_s, event_factor * time.event_s

    def stretch_s(name: str) -> float:
        crowded = 1.0 + (time.contention - 1.0) * draws[f"{name}_busy"]
        return (fixed_s + event_s * draws[f"{name}_batch_events"]) * crowded

    return {
        **draws,
        "steady_batch_s": stretch_s("steady"),
        "saturated_batch_s": stretch_s("saturated") * draws["saturated_speed_up"],
        "batch_fixed_share": fixed_s / (fixed_s + event_s * draws["steady_batch_events"]),
    }
