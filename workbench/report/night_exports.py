"""A night's drills for Prometheus (text file) and Grafana (annotations)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from workbench.records.night_drill import NightDrill, NightMetric

LABELS: Final = ("suite", "night", "scenario", "repeat")
SHOWN: Final = (5, 50, 95)  # predicted percentiles


def to_prometheus(drills: Sequence[NightDrill]) -> bytes:
    """Return the drills' primary metrics in Prometheus's text format, for node_exporter's textfile collector."""
    registry = CollectorRegistry()
    gauges = {
        name: Gauge(f"workbench_drill_{name}", words, (*LABELS, *more), registry=registry)
        for name, words, more in (
            ("exit_code", "Exit code of a drill; below 0 the signal that killed it", ()),
            ("started_timestamp_seconds", "When a drill started", ()),
            ("seconds", "How long a drill took", ()),
            ("stolen_percent", "Share of the machine's time that its host took", ()),
            ("observed", "Observed value of a primary metric, in its unit", ("metric", "unit")),
            ("predicted", "Predicted percentile of a primary metric, in its unit", ("metric", "unit", "percent")),
            ("inside_90", "1 where the observed value lies in the sealed 90 % interval", ("metric", "unit")),
        )
    }
    for drill in drills:
        labels = [str(value) for value in drill.key]
        values = {
            "exit_code": drill.exit_code,
            "started_timestamp_seconds": drill.started_s,
            "seconds": None if drill.ended_s is None else drill.ended_s - drill.started_s,
            "stolen_percent": drill.stolen_percent,
        }
        for name, value in values.items():
            if value is not None:
                gauges[name].labels(*labels).set(value)
        for row in drill.metrics:
            if row.primary:
                _set_metric(gauges, labels, row)
    return generate_latest(registry)


def _set_metric(gauges: dict[str, Gauge], labels: Sequence[str], row: NightMetric) -> None:
    names = [*labels, row.name, row.unit]
    if row.observed is not None:
        gauges["observed"].labels(*names).set(row.observed)
    if row.inside_90 is not None:
        gauges["inside_90"].labels(*names).set(float(row.inside_90))
    for percent in SHOWN:
        if percent in row.quantiles:
            gauges["predicted"].labels(*names, str(percent)).set(row.quantiles[percent])


def to_grafana(drills: Sequence[NightDrill]) -> list[dict[str, Any]]:
    """Return a body for Grafana's POST /api/annotations for each drill that has ended; times in milliseconds."""
    return [
        {
            "time": round(drill.started_s * 1000),
            "timeEnd": round(drill.ended_s * 1000),
            "tags": [
                "hub-workbench",
                f"suite:{drill.suite}",
                f"scenario:{drill.scenario}",
                f"run:{drill.run_id or 'none'}",
                f"exit:{drill.exit_code}",
            ],
            "text": f"{drill.scenario} seed {drill.seed}: resilience {drill.resilience or 'none'}, "
            f"prediction {drill.prediction or 'none'}" + (f" ({drill.reason})" if drill.reason else ""),
        }
        for drill in drills
        if drill.ended_s is not None
    ]
