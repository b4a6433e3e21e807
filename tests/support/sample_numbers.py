"""The numbers of the sample runs: prediction, observations and curves, drawn from a seed and meaning nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np

from workbench.metrics.catalogue import metrics_of
from workbench.records.prediction import Observation, Prediction
from workbench.streams import stream

FAULT_S: Final = 1_773_524_494.1  # 14 March 2026 21:41:34.1 UTC
REPLICATIONS: Final = 1000
RATE_PER_S: Final = 300.0
TOPICS: Final = ("alerts", "event-authentication", "sdc-events", "technical-alerts")
LABELS: Final = tuple(f"{topic}-{index}" for topic in TOPICS for index in range(6))
STEP_S: Final = 0.25

# What each phase took in the sample that everything went as predicted, seconds.
AS_PREDICTED: Final[Mapping[str, float]] = {
    "broker_detect_s": 11.84,
    "leader_election_s": 0.31,
    "client_reconnect_s": 2.74,
    "pipeline_drain_s": 6.61,
    "broker_down_s": 38.42,
    "broker_start_s": 6.13,
    "catch_up_s": 3.05,
}


@dataclass(frozen=True)
class Case:
    """One sample run: what is different from the one that went as predicted."""

    name: str
    phases: Mapping[str, float] = field(default_factory=lambda: AS_PREDICTED)
    lost: int = 0
    failed_check: str = ""
    blind_metric: str = ""  # not observed: its probe was blind for 31 s
    sealed: bool = True
    compared: bool = True
    broken: bool = False
    stopped: str | None = None
    unregistered: bool = False  # the broker never came back


def sample_prediction(scenario: str) -> Prediction:
    """Return a prediction of REPLICATIONS made-up replications."""
    rng = stream(7, "sample", "prediction")
    detect = rng.triangular(8.4, 12.2, 17.8, REPLICATIONS)
    elect = rng.lognormal(np.log(0.28), 0.25, REPLICATIONS)
    reconnect = rng.uniform(0.6, 4.6, REPLICATIONS)
    drain = rng.lognormal(np.log(6.0), 0.2, REPLICATIONS)
    down = rng.triangular(30.0, 37.0, 46.0, REPLICATIONS)
    start = rng.lognormal(np.log(6.0), 0.12, REPLICATIONS)
    catch_up = rng.lognormal(np.log(3.1), 0.18, REPLICATIONS)
    silence = detect + elect + reconnect
    columns: dict[str, Any] = {
        "kafka_unavailable_s": silence + 0.004,
        "kafka_unavailable_s_least": silence - rng.uniform(0.05, 0.3, REPLICATIONS),
        "kafka_partitions_hit": np.full(REPLICATIONS, len(LABELS)),
        "pipeline_unavailable_s": silence + 0.06,
        "events_late": np.round(silence * RATE_PER_S * 0.98),
        "pipeline_backlog_events_max": np.round(silence * RATE_PER_S * 1.02),
        "pipeline_backlog_event_s": silence * silence * 150.0 + silence * drain * 110.0,
        "pipeline_drain_s": drain,
        "broker_rejoin_s": start + catch_up,
        "isr_full_s": down + catch_up,
        "acknowledged_records_lost": np.zeros(REPLICATIONS),
        "records_duplicated": np.zeros(REPLICATIONS),
        "broker_detect_s": detect,
        "leader_election_s": elect,
        "client_reconnect_s": reconnect,
        "broker_down_s": down,
        "broker_start_s": start,
        "catch_up_s": catch_up,
    }
    for window, factor in (("steady", 1.0), ("during", 1800.0), ("after", 1.1)):
        for percent, base in ((50, 0.0043), (95, 0.0091), (99, 0.0142)):
            noise = rng.lognormal(0.0, 0.07, (2, REPLICATIONS))
            slow = factor if window != "during" else (0.55 if percent == 50 else 1.0) * 1.0
            ack = base * slow * noise[0] if window != "during" else slow * silence * 0.96
            columns[f"ack_{window}_s_p{percent}"] = ack
            columns[f"commit_{window}_s_p{percent}"] = ack + 0.031 * noise[1]
    ends = np.percentile(silence, [5, 25, 50, 75, 95])
    grid = np.arange(-30.0, 90.0, STEP_S)
    return Prediction(
        scenario=scenario,
        seed=7,
        replications=REPLICATIONS,
        metrics={metric.name: columns[metric.name].tolist() for metric in metrics_of("broker")},
        parameters={
            "broker_start_s": start.tolist(),
            "ping_age_s": (18.0 - detect).tolist(),
            "client_timer_s": reconnect.tolist(),
            "log_recovery_s": (0.5 + (down - 30.0) / 16.0 * 3.5).tolist(),
            "controller_react_s": rng.triangular(0.005, 0.03, 0.2, REPLICATIONS).tolist(),  # moves nothing
        },
        silent_spans={label: _span_columns(silence, index) for index, label in enumerate(LABELS)},
        envelope_grid_s=grid.tolist(),
        envelopes=_envelopes(grid, ends),
    )


def _span_columns(silence: np.ndarray[Any, Any], index: int) -> dict[str, list[float]]:
    shift = 0.01 * index
    return {"start_s": np.full(REPLICATIONS, 0.02 + shift).tolist(), "end_s": (silence - shift).tolist()}


def _envelopes(grid: np.ndarray[Any, Any], ends: np.ndarray[Any, Any]) -> dict[str, dict[str, list[float | None]]]:
    late = {"5": 0, "25": 1, "50": 2, "75": 3, "95": 4}
    curves: dict[str, dict[str, list[float | None]]] = {name: {} for name in ("acked_per_s", "ack_s_p99")}
    curves |= {"backlog_events": {}, "lag_records": {}}
    for level, index in late.items():
        sign = {"5": -1.0, "25": -0.4, "50": 0.0, "75": 0.4, "95": 1.0}[level]
        silent = (grid >= 0) & (grid < ends[4 - index])
        curves["acked_per_s"][level] = np.where(silent, 0.0, RATE_PER_S + 60.0 * sign).tolist()
        p99 = np.where(
            (grid >= ends[4 - index]) & (grid < ends[4 - index] + 1.5), ends[index], 0.0142 * (1 + 0.3 * sign)
        )
        curves["ack_s_p99"][level] = [None if quiet else float(value) for quiet, value in zip(silent, p99, strict=True)]
        curves["backlog_events"][level] = _backlog(grid, float(ends[index]), 6.0 + 2 * sign).tolist()
        lag = np.where(grid > ends[4 - index], _backlog(grid, float(ends[index]), 6.0 + 2 * sign) * 0.8, 14.0)
        curves["lag_records"][level] = lag.tolist()
    return curves


def _backlog(grid: np.ndarray[Any, Any], silence_s: float, drain_s: float) -> np.ndarray[Any, Any]:
    rising = RATE_PER_S * grid
    falling = RATE_PER_S * silence_s * (1.0 - (grid - silence_s) / drain_s)
    backlog = np.where(grid < silence_s, rising, falling)
    return np.maximum(np.where(grid < 0.0, 0.0, backlog), 9.0)


def sample_observations(case: Case, prediction: Prediction) -> dict[str, Observation]:
    """Return what the sample run claims to have observed."""
    rng = stream(7, "sample", "observation")
    silence = sum(case.phases[name] for name in ("broker_detect_s", "leader_election_s", "client_reconnect_s"))
    values: dict[str, float] = {
        name: float(np.median([value or 0.0 for value in column])) * float(rng.normal(1.0, 0.03))
        for name, column in prediction.metrics.items()
    }
    values |= case.phases
    values |= {
        "kafka_unavailable_s": silence + 0.03,
        "kafka_unavailable_s_least": silence - 0.17,
        "kafka_partitions_hit": 24.0,
        "events_late": 4470.0,
        "pipeline_backlog_events_max": 4380.0,
        "acknowledged_records_lost": float(case.lost),
        "records_duplicated": 0.0,
        "isr_full_s": case.phases["broker_down_s"] + case.phases["catch_up_s"],
        "broker_rejoin_s": case.phases["broker_start_s"] + case.phases["catch_up_s"],
    }
    gone = {"broker_down_s", "broker_start_s", "catch_up_s", "isr_full_s", "broker_rejoin_s"}
    observations = {}
    for metric in metrics_of("broker"):
        method = "sample"
        if case.unregistered and metric.name in gone:
            reason = "the broker did not register again within 180 s"
            at_least = 180.0 if metric.name in ("broker_down_s", "isr_full_s") else None
            observations[metric.name] = Observation(None, reason, method, metric.resolution, at_least)
        elif metric.name == case.blind_metric:
            observations[metric.name] = Observation(None, "probe blind 31 s", method, metric.resolution)
        else:
            observations[metric.name] = Observation(values[metric.name], "", method, metric.resolution)
    return observations


def sample_observed(case: Case, observations: Mapping[str, Observation]) -> dict[str, Any]:
    """Return the sample run's observed.json."""
    rng = stream(7, "sample", "curves")
    silence = sum(case.phases[name] for name in ("broker_detect_s", "leader_election_s", "client_reconnect_s"))
    end = 90.0 if not case.unregistered else 190.0
    grid = np.arange(-30.0, max(end, case.phases["broker_down_s"] + 25.0), STEP_S)
    acked = rng.poisson(RATE_PER_S * STEP_S, len(grid)) / STEP_S
    silent = (grid >= 0) & (grid < silence - 0.1)
    burst = (grid >= silence - 0.1) & (grid < silence + 1.0)
    acked = np.where(silent, 0.0, np.where(burst, silence * RATE_PER_S / 1.1, acked))
    p99 = 0.0142 * rng.lognormal(0.0, 0.15, len(grid))
    p99 = np.where(burst, np.maximum(0.02, silence - (grid - silence)), p99)
    backlog = np.round(_backlog(grid, silence, case.phases["pipeline_drain_s"]) * 0.99 + rng.uniform(0, 12, len(grid)))
    lag = np.round(np.where(grid > silence, backlog * 0.8, 14.0 + rng.uniform(0, 8, len(grid))))
    blind = (case.blind_metric != "") & (grid > 20.0) & (grid < 51.0)
    return {
        "format": 1,
        "metrics": {name: asdict(observation) for name, observation in observations.items()},
        "silent_spans": {label: [0.01 * index, silence - 0.01 * index + 0.03] for index, label in enumerate(LABELS)},
        "leaders": {label: [2 if index % 3 == 2 else index % 3, index % 2] for index, label in enumerate(LABELS)},
        "moments": {"baseline_start_s": -81.0, "baseline_end_s": -21.0, "load_end_s": float(grid[-1])},
        "grid_s": grid.tolist(),
        "curves": {
            "acked_per_s": acked.tolist(),
            "ack_s_p99": [None if quiet else float(value) for quiet, value in zip(silent, p99, strict=True)],
            "backlog_events": backlog.tolist(),
            "lag_records": [None if hidden else float(value) for hidden, value in zip(blind, lag, strict=True)],
        },
        "counts": {"acknowledged_lost": case.lost, "duplicated": 0, "unknown": 212, "failed": 0},
    }
