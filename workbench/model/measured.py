"""Parameters that this run measured of its own hub before the seal (workbench.records.baseline).

The batch server's time is a straight line through two measured stretches, the calibration burst and the
steady one. The acknowledgement time of an undisturbed request is the measured one less the client's linger:
at the rates of a drill a request carries one event, so the measurement needs no model of the broker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from workbench.model.parameter import Distribution, Parameter, Source, empirical, triangular
from workbench.records.baseline import Baseline, PipelineWindow

RESPONSE_S_MIN: Final = 0.0003
SAMPLE_MAX: Final = 2000
SLOPE_ROOM: Final = (0.85, 1.0, 1.2)  # around a measured line's slope


def _measured(value: Distribution | float, unit: str, origin: str, note: str = "") -> Parameter:
    return Parameter(value, unit, Source.BASELINE, origin, note)


def measured(baseline: Baseline, victim: str, linger_s: float) -> dict[str, Parameter]:
    """Return the parameters that `baseline` gives; `victim` is the server's name ("kafka-1")."""
    return {**_broker(baseline, victim), **_acknowledgement(baseline, linger_s), **_batches(baseline)}


def _broker(baseline: Baseline, victim: str) -> dict[str, Parameter]:
    found: dict[str, Parameter] = {}
    rows: tuple[tuple[str, Mapping[str, float], str], ...] = (
        ("broker_start_s", baseline.broker_start_to_registered_s, "start to registered"),
        ("broker_ready_s", baseline.broker_registered_to_ready_s, "registered to answering"),
    )
    for name, by_server, words in rows:
        if victim in by_server:
            origin = f"{victim}: {words} at the hub's start, no broker starting beside it"
            found[name] = _measured(round(by_server[victim], 4), "s", origin)
    return found


def _acknowledgement(baseline: Baseline, linger_s: float) -> dict[str, Parameter]:
    if not baseline.ack_s:
        return {}
    step = -(-len(baseline.ack_s) // SAMPLE_MAX)
    response_s = np.maximum(np.array(baseline.ack_s[::step]) - linger_s, RESPONSE_S_MIN)
    low, mode, high = (float(np.quantile(response_s, share)) for share in (0.05, 0.25, 0.6))
    return {
        "response_s": _measured(
            empirical(tuple(round(float(value), 6) for value in response_s)),
            "s",
            f"{len(response_s)} acknowledgement times of the baseline less linger.ms, in order",
            "resampled in blocks, so that slow moments stay together",
        ),
        "request_s": _measured(
            triangular(round(low, 6), round(max(mode, low), 6), round(max(high, low + 1e-6), 6)),
            "s",
            "5, 25 and 60 % quantiles of response_s",
            "one request after another on a connection when a stall ends",
        ),
    }


def _batches(baseline: Baseline) -> dict[str, Parameter]:
    steady, burst = baseline.steady, baseline.burst
    if min(steady.batches, burst.batches) < 1:
        return {}
    found = {}
    rest_s = [window.batch_total_s - window.batch_database_s for window in (steady, burst)]
    for fixed, per_event, steady_s, burst_s in (
        ("batch_fixed_s", "batch_event_s", steady.batch_database_s, burst.batch_database_s),
        ("batch_rest_s", "batch_rest_event_s", rest_s[0], rest_s[1]),
    ):
        intercept_s, slope_s = line(steady, burst, steady_s, burst_s)
        origin = (
            f"steady {steady.events / steady.batches:.1f} events a batch, {steady_s / steady.batches:.5f} s; "
            f"burst {burst.events / burst.batches:.1f}, {burst_s / burst.batches:.5f} s"
        )
        found[fixed] = _measured(round(intercept_s, 7), "s", origin, "the line's value at no event")
        spread = triangular(*(round(slope_s * factor, 9) for factor in SLOPE_ROOM))
        found[per_event] = _measured(spread, "s", origin, "the line's slope; a full batch lies beyond both stretches")
    return found


def line(steady: PipelineWindow, burst: PipelineWindow, steady_s: float, burst_s: float) -> tuple[float, float]:
    """Return intercept (s) and slope (s an event) of a batch's time over its events.

    Through the two windows' means; where they are too close to tell a slope, through the origin and the burst.
    """
    few, many = steady.events / steady.batches, burst.events / burst.batches
    short_s, long_s = steady_s / steady.batches, burst_s / burst.batches
    if many < 1.5 * few or long_s <= short_s:
        return 0.0, max(long_s / max(many, 1.0), 1e-6)
    slope_s = (long_s - short_s) / (many - few)
    intercept_s = short_s - slope_s * few
    return (intercept_s, slope_s) if intercept_s > 0.0 else (0.0, long_s / many)
