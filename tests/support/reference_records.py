"""Reference records of made-up drills, sealed one after another."""

from __future__ import annotations

from workbench.records.reference import ReferenceMetric, ReferenceRecord


def record(
    number: int, *metrics: ReferenceMetric, configuration: str = "a", fault: str = "BrokerKill", unscored: str = ""
) -> ReferenceRecord:
    """Return the record of drill `number`, sealed in that order."""
    return ReferenceRecord(
        f"run-{number}", "sample", number, float(number), "0" * 64, "c0ffee", True, configuration, fault, 2,
        unscored, metrics,
    )  # fmt: skip
