"""Each metric's definition, shown on tables small enough to check by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from workbench.fault import Part
from workbench.metrics import functions, phases
from workbench.metrics.belonging import PART_METRICS
from workbench.metrics.catalogue import BY_NAME, CATALOGUE, READER_METRICS, evaluate, metrics_of
from workbench.metrics.tables import Counts, Evidence, Moments, WriteTable

NAN = math.nan


def evidence(
    intended: list[float],
    acked: list[float],
    committed: list[float] | None = None,
    partition: list[int] | None = None,
    end_s: float = 100.0,
) -> Evidence:
    """Return the evidence of a few device writes with a baseline from -10 to 0 s."""
    count = len(intended)
    table = WriteTable(
        np.arange(count),
        np.array(partition or [0] * count),
        np.array(intended),
        np.array(acked),
        np.array(committed if committed is not None else acked),
        np.zeros(count, dtype=np.bool_),
    )
    return Evidence(table, Moments(-10.0, 0.0, end_s), Counts(), max(partition or [0]) + 1)


def test_silence_starts_at_the_last_acknowledgement_while_a_write_is_outstanding() -> None:
    """Write 2 is outstanding when write 1 is acknowledged at 1.0: silent from 1.0 to 9.0."""
    assert functions.silent_spans(evidence([0.5, 0.9, 5.0], [1.0, 9.0, 9.5]))[0].tolist() == [1.0, 9.0]


def test_silence_starts_at_the_intended_time_when_nothing_was_outstanding() -> None:
    """Nothing asked for is no silence: the clock starts when the next write is intended."""
    assert functions.silent_spans(evidence([0.5, 4.0], [1.0, 9.0]))[0].tolist() == [4.0, 9.0]


def test_a_write_never_acknowledged_is_silent_to_the_end() -> None:
    """Without an answer the partition stays silent until the load's end."""
    assert functions.silent_spans(evidence([0.5, 4.0], [1.0, NAN], end_s=60.0))[0].tolist() == [4.0, 60.0]


def test_the_worst_partition_is_the_headline() -> None:
    """Two partitions, silent for 3 and for 8 seconds."""
    seen = evidence([1.0, 1.0], [4.0, 9.0], partition=[0, 1])
    assert functions.kafka_unavailable_s(seen) == 8.0
    assert functions.kafka_unavailable_s_least(seen) == 3.0
    assert functions.kafka_partitions_hit(seen) == 2.0
    assert functions.all_partitions_acked_s(seen) == 9.0


def test_an_acknowledgement_from_before_the_fault_is_not_its_silence() -> None:
    """A slow answer that came before t = 0 does not count."""
    seen = evidence([-9.0, 1.0], [-2.0, 1.5])
    assert functions.kafka_unavailable_s(seen) == 0.5


def test_backlog_is_intended_minus_committed() -> None:
    """Three events intended, committed at 5, 6 and never."""
    seen = evidence([1.0, 2.0, 3.0], [1.1, 2.1, 3.1], [5.0, 6.0, NAN])
    assert functions.backlog_at(seen, np.array([0.0, 3.0, 5.0, 6.5])).tolist() == [0.0, 3.0, 2.0, 1.0]
    assert functions.pipeline_backlog_events_max(seen) == 3.0


def test_drained_is_back_inside_the_baseline_for_five_seconds() -> None:
    """A backlog that dips for two seconds and rises again has not drained at the dip."""
    baseline = np.arange(-10.0, 0.0, 0.1)
    calm = np.arange(20.0, 60.0, 0.1)
    stalled = np.arange(1.0, 9.0, 0.5)
    again = np.arange(11.0, 13.0, 0.5)
    intended = np.concatenate([baseline, stalled, again, calm])
    committed = np.concatenate([baseline + 0.05, np.full(len(stalled), 9.5), np.full(len(again), 14.0), calm + 0.05])
    seen = evidence(intended.tolist(), committed.tolist(), committed.tolist(), end_s=60.0)
    assert functions.backlog_drained_s(seen) == pytest.approx(14.0, abs=0.11)


def test_lost_events_do_not_keep_the_backlog_from_draining() -> None:
    """Fifty events get no row and are passed over by later ones of their partition; what is only late is not lost."""
    times = np.arange(-10.0, 60.0, 0.1)
    committed = times + 0.05
    committed[(times > 1.0) & (times < 6.0)] = NAN
    late = (times > 7.0) & (times < 9.0)
    committed[late] = 12.0
    seen = evidence(times.tolist(), committed.tolist(), committed.tolist(), end_s=60.0)
    assert functions.backlog_drained_s(seen) == pytest.approx(12.0, abs=0.11)
    waiting = np.where(times > 20.0, NAN, committed)  # nothing later has a row: these may still come
    assert math.isnan(functions.backlog_drained_s(evidence(times.tolist(), committed.tolist(), waiting.tolist())))


def test_late_counts_what_came_over_a_second_late_or_never() -> None:
    """One in time, one late, one never; one late before the fault does not count."""
    seen = evidence([-5.0, 1.0, 2.0, 3.0], [-3.0, 1.5, 4.0, NAN])
    assert functions.events_late(seen) == 2.0


def test_a_percentile_is_taken_from_the_intended_time() -> None:
    """A write sent late by its client still counts from when it was intended."""
    seen = evidence([-5.0, -4.0, -3.0], [-4.0, -3.0, -2.0])
    assert BY_NAME["ack_steady_s_p50"].compute(seen) == 1.0


def test_every_row_of_the_catalogue_says_what_it_is() -> None:
    """Names are unique, end in their unit or count something, and carry a definition."""
    assert len(BY_NAME) == len(CATALOGUE)
    for metric in CATALOGUE:
        assert metric.definition
        assert metric.unit in {"s", "events", "partitions", "event-s", "records", "reads", "%"}


def test_a_quiet_drill_has_values_or_nan_but_never_fails() -> None:
    """Evaluation works on a table without a single write after the fault."""
    values = evaluate(evidence([-5.0], [-4.9]))
    assert set(values) == set(BY_NAME)


def test_acknowledgements_before_the_fault_interrupt_a_silence() -> None:
    """A write of -5 s that is never answered does not make the answer at -0.1 s part of a silence."""
    seen = evidence([-5.0, -0.2, 0.1], [NAN, -0.1, 9.0], end_s=20.0)
    spans = functions.silent_spans(seen)
    assert spans[0].tolist() == [9.0, 20.0]
    answered = evidence([-0.3, -0.2, 0.1], [9.0, -0.1, 9.1], end_s=20.0)
    assert functions.silent_spans(answered)[0].tolist() == [-0.1, 9.0]


def test_what_never_happened_has_no_duration_and_what_came_early_takes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaders that never moved took no 0 s; a backlog back before the last partition answered drained in 0 s."""
    never = evidence([1.0], [4.0])
    assert math.isnan(phases.leader_election_s(never))
    monkeypatch.setattr(functions, "all_partitions_acked_s", lambda _: 9.0)
    monkeypatch.setattr(functions, "kafka_partitions_hit", lambda _: 1.0)
    for drained_s, took_s in ((12.0, 3.0), (5.0, 0.0), (NAN, NAN)):
        monkeypatch.setattr(functions, "backlog_drained_s", lambda _, drained_s=drained_s: drained_s)
        assert functions.pipeline_drain_s(never) == pytest.approx(took_s, nan_ok=True)


def test_without_a_silent_partition_draining_is_counted_from_the_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """An orderly stop holds writes for less than a second and still leaves a backlog."""
    seen = evidence([1.0], [1.2])
    monkeypatch.setattr(functions, "backlog_drained_s", lambda _: 1.3)
    assert math.isnan(functions.all_partitions_acked_s(seen))
    assert functions.pipeline_drain_s(seen) == 1.3


def test_rows_that_stay_away_are_counted_as_acknowledgements_are() -> None:
    """Acknowledged at once, the row 8 s later: Kafka was never silent, the pipeline was."""
    seen = evidence([0.5, 4.0, 9.5], [0.6, 4.1, 9.6], [0.7, 9.0, 9.9])
    assert functions.kafka_unavailable_s(seen) == pytest.approx(0.1)
    assert functions.pipeline_unavailable_s(seen) == pytest.approx(5.0)
    assert functions.all_partitions_committed_s(seen) == 9.0


def test_draining_is_counted_from_what_serves_again() -> None:
    """Where Kafka answered all the time, from the group or Postgres being back, or from the fault."""
    seen = evidence([0.5, 4.0], [0.6, 4.1], [0.7, 9.0])
    seen.cache["backlog_drained_s"] = 12.0
    assert functions.pipeline_drain_s(seen) == 12.0
    for name in ("group_whole_s", "postgres_writes_s"):
        again = replace(seen, moments=replace(seen.moments, **{name: 8.5}))
        assert functions.pipeline_drain_s(again) == 3.5


def test_each_parts_loss_has_its_own_metrics_beside_the_common_ones() -> None:
    """Together they are the catalogue, in its order."""
    assert set(PART_METRICS) == {part.value for part in Part}
    assert {metric.name for part in Part for metric in metrics_of(part, readers=True)} == set(BY_NAME)
    common = set.intersection(*({metric.name for metric in metrics_of(part)} for part in Part))
    several = [*PART_METRICS.values(), *READER_METRICS.values()]
    assert common == set(BY_NAME) - {name for names in several for name in names}
    assert [metric for metric in CATALOGUE if metric in metrics_of(Part.REDIS)] == metrics_of(Part.REDIS)


def test_a_backlog_that_never_left_its_baseline_had_drained_with_the_fault() -> None:
    """Rows as late as ever: now and then above the baseline's p99, but in no 5 s for a tenth of them."""
    rng = np.random.default_rng(3)
    intended = np.sort(rng.uniform(-10.0, 30.0, 4000)).tolist()
    usual = [at_s + 0.05 + float(late_s) for at_s, late_s in zip(intended, rng.exponential(0.02, 4000), strict=True)]
    seen = evidence(intended, usual, usual, end_s=29.0)
    assert functions.backlog_drained_s(seen) == 0.0
    late = [done_s + 3.0 * (12.0 < at_s < 16.0) for at_s, done_s in zip(intended, usual, strict=True)]
    assert 15.0 < functions.backlog_drained_s(evidence(intended, usual, late, end_s=29.0)) < 20.0
