"""Reference records of made-up drills, sealed one after another."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.records.reference import INTERVALS, PERCENTS, ReferenceMetric, ReferenceRecord

NAME = "kafka_unavailable_s"


def metric(
    observed: float | None, predicted: Sequence[float], name: str = NAME, kind: str = "metric", kept: bool | None = None
) -> ReferenceMetric:
    """Return a metric whose prediction has these percentiles."""
    inside = {}
    for percent in INTERVALS[:3]:
        low, high = (predicted[PERCENTS.index(round(50 + side * percent / 2))] for side in (-1, 1))
        if observed is not None:
            inside[percent] = low <= observed <= high
    chance = None if kept is None else 0.95
    primary = kind == "metric"
    return ReferenceMetric(name, "s", kind, primary, 0.25, tuple(predicted), inside, observed, None, chance, kept)


def percentiles(middle: float, spread: float) -> list[float]:
    """Return the percentiles of an even distribution around a middle."""
    return [middle + spread * (percent - 50) / 100.0 for percent in PERCENTS]


def record(
    number: int, *metrics: ReferenceMetric, configuration: str = "a", fault: str = "BrokerKill", unscored: str = ""
) -> ReferenceRecord:
    """Return the record of drill `number`, sealed in that order."""
    return ReferenceRecord(
        f"run-{number}", "sample", number, float(number), "0" * 64, "c0ffee", True, configuration, fault, 2,
        unscored, metrics,
    )  # fmt: skip
