"""Nights of made-up drills: evenly spread values around what was predicted, so that every test can tell the answer."""

from __future__ import annotations

from dataclasses import replace

from workbench.records.night_drill import DONE, IMPORTED, NightDrill, NightMetric

METRIC = "kafka_unavailable_s"
PHASE = "broker_detect_s"
BAND = {1: -0.3, 5: -0.2, 10: -0.16, 25: -0.08, 50: 0.0, 75: 0.08, 90: 0.16, 95: 0.2, 99: 0.3}
SPREAD = (-0.13, 0.02, 0.11, -0.06, 0.15, -0.1, 0.07, -0.03)


def row(name: str, observed: float | None, predicted: float, kept: bool | None = None) -> NightMetric:
    """Return a row that was predicted within a fifth."""
    quantiles = {percent: predicted * (1.0 + part) for percent, part in BAND.items()}
    inside = None if observed is None else quantiles[5] <= observed <= quantiles[95]
    primary = name == METRIC
    kind = "metric" if primary else "phase"
    return NightMetric(name, "s", kind, primary, observed, None, quantiles, inside, kept, 30.0 if primary else None)


def drill(
    night: int, repeat: int, factor: float = 1.0, predicted: float = 20.0, scenario: str = "broker-loss"
) -> NightDrill:
    """Return a drill whose observation is `factor` times what it usually is; all of it is the detection's."""
    value = 20.0 * (1.0 + SPREAD[(3 * night + repeat) % len(SPREAD)]) * factor
    rows = (row(METRIC, value, predicted, kept=value <= 30.0), row(PHASE, value - 1.0, predicted - 1.0))
    started_s = 86_400.0 * night + 300.0 * repeat
    return NightDrill(
        "s", f"2026-03-{night:02d}", scenario, repeat, repeat, started_s, DONE, started_s + 200.0, 0,
        f"run-{scenario}-{night}-{repeat}", "PASS", "PASS", True, configuration="c", question="q", manifests="m",
        commit="c0ffee", cores=2, system="Linux", stolen_percent=0.0, metrics=rows,
    )  # fmt: skip


def nights(first: int, last: int, factor: float = 1.0, predicted: float = 20.0) -> list[NightDrill]:
    """Return three drills a night."""
    return [drill(night, repeat, factor, predicted) for night in range(first, last + 1) for repeat in (1, 2, 3)]


def failed(made: NightDrill, state: str = DONE, exit_code: int | None = 3, reason: str = "no hub") -> NightDrill:
    """Return a drill that proves nothing."""
    return replace(
        made,
        state=state,
        exit_code=exit_code,
        metrics=(),
        reason=reason,
        resilience="",
        prediction="",
        as_expected=None,
    )


def imported(made: NightDrill) -> NightDrill:
    """Return a drill as one that no night has run."""
    return replace(made, suite=IMPORTED)
