"""What the times after a recovery are multiplied with: worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.metrics.catalogue import CATALOGUE
from workbench.model.discrepancy import BACKLOG_FACTOR, FACTORS, GAP_FACTORS, PRIORS, disturbed
from workbench.model.parameter import Distribution


def test_only_times_after_the_recovery_are_disturbed() -> None:
    """And the median before the fault, by a percent. Each by its own factor; what is not a number stays none."""
    names = [metric.name for metric in CATALOGUE]
    found = disturbed(dict.fromkeys(names, 2.0), 1.0)
    disturbed_too = {"ack_steady_s_p50", *(name for name in names if name.startswith("read_during_s_p"))}
    assert set(FACTORS) == {name for name in names if "_after_s_p" in name} | disturbed_too
    assert {name: found[name] for name in FACTORS} == {name: 2.0 * each.median for name, each in FACTORS.items()}
    assert {found[name] for name in names if name not in FACTORS} == {2.0}
    assert math.isnan(disturbed({"ack_after_s_p99": math.nan}, 3.0)["ack_after_s_p99"])


def test_the_longest_silence_is_disturbed_where_no_fault_makes_it() -> None:
    """0.1 s is what a calm hub's longest gap may be; an outage's 15 s are the model's own."""
    assert disturbed({"kafka_unavailable_s": 0.1, "pipeline_unavailable_s": 15.0}, 1.0) == {
        "kafka_unavailable_s": pytest.approx(0.1 * GAP_FACTORS["kafka_unavailable_s"].median),
        "pipeline_unavailable_s": 15.0,
    }


def test_the_highest_backlog_is_disturbed_where_every_row_keeps_coming() -> None:
    """It is a maximum over the same spells; where rows stayed away it is the outage's."""
    calm = {"pipeline_unavailable_s": 0.2, "pipeline_backlog_events_max": 40.0}
    assert disturbed(calm, 1.0)["pipeline_backlog_events_max"] == pytest.approx(40.0 * BACKLOG_FACTOR.median)
    outage = {**calm, "pipeline_unavailable_s": 2.0}
    assert disturbed(outage, 1.0)["pipeline_backlog_events_max"] == 40.0


def test_a_disturbance_moves_a_p99_more_than_a_median() -> None:
    """One of the 95th percentile: e^1.645 to the power of each sigma. Percentiles stay in their order."""
    prior = PRIORS["after_disturbance"].value
    assert isinstance(prior, Distribution)
    drawn = float(prior.quantile(np.array(0.95)))
    assert drawn == pytest.approx(math.exp(1.6449), rel=1e-3)
    found = disturbed({"ack_after_s_p50": 0.008, "ack_after_s_p95": 0.013, "ack_after_s_p99": 0.023}, drawn)
    assert found["ack_after_s_p50"] == pytest.approx(0.008 * 0.97 * math.exp(1.6449 * 0.24), rel=1e-3)
    assert found["ack_after_s_p99"] == pytest.approx(0.023 * 1.23 * math.exp(1.6449 * 0.68), rel=1e-3)
    calm = disturbed({"ack_after_s_p50": 0.008, "ack_after_s_p95": 0.013, "ack_after_s_p99": 0.023}, 1.0 / drawn)
    for each in (found, calm):
        assert each["ack_after_s_p50"] < each["ack_after_s_p95"] < each["ack_after_s_p99"]
