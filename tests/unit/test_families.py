"""All drills together: which rows are one family, what is wanted of it, and when a fault's intervals fail."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from tests.support.reference_records import NAME, metric, percentiles, record
from workbench.compare.families import FAMILIES, FamilyFidelity, families
from workbench.compare.fidelity import LATEST, failing, fidelity
from workbench.compare.pooled import Pooled
from workbench.metrics.catalogue import CATALOGUE
from workbench.records.reference import ReferenceMetric, ReferenceRecord


def by_title(records: list[ReferenceRecord]) -> dict[str, FamilyFidelity]:
    """Return the families of some drills by their titles."""
    return {each.title: each for each in families(records)}


def test_a_family_is_over_drills_and_metrics() -> None:
    """Two durations off by 10 and 30 % and a phase by 50 %: one inside its interval of 18 % on either side."""
    drills = [
        record(1, metric(11.0, percentiles(10.0, 4.0)), metric(15.0, percentiles(10.0, 4.0), "catch_up_s", "phase")),
        record(2, metric(13.0, percentiles(10.0, 4.0))),
    ]
    found = by_title(drills)
    assert found["phases"].missed == ()  # of one drill
    assert set(found) == {"unavailability and recovery", "phases", "every metric"}
    durations = found["unavailability and recovery"]
    assert (durations.drills, durations.values) == (2, 2)
    assert durations.error_median == pytest.approx(0.2)
    assert (durations.coverage.inside, durations.coverage.judged) == (1, 2)
    assert durations.width_median == pytest.approx((3.6 / 11.0 + 3.6 / 13.0) / 2.0)
    assert by_title(drills * 3)["unavailability and recovery"].missed == ("error",)
    assert by_title(drills * 5)["phases"].missed == ("error", "coverage")


@pytest.mark.parametrize(
    ("coverage", "width", "missed"),
    [
        ((0.75, 0.92), 0.3, ()),  # of its range some is wanted
        ((0.60, 0.79), 0.3, ("coverage",)),
        ((0.98, 1.00), 0.3, ("coverage",)),  # intervals that always hold are too wide to be right
        ((0.85, 0.95), 0.7, ("width",)),
    ],
)
def test_what_is_not_as_wanted_is_named(coverage: tuple[float, float], width: float, missed: tuple[str, ...]) -> None:
    """Coverage only where all of its range is outside 80 to 97 %."""
    found = FamilyFidelity("f", 9, 9, 0.1, 0.12, Pooled(90, 8, 9, *coverage), width, 0.6)
    assert found.missed == missed


def test_few_lost_are_no_share_to_be_wrong_by() -> None:
    """100 lost are left out, 101 count; nothing predicted to be lost has no relative error."""
    name = "acknowledged_records_lost"
    assert "lost, where over 100 were" not in by_title([record(1, metric(100.0, percentiles(90.0, 9.0), name))])
    assert by_title([record(1, metric(101.0, percentiles(90.0, 9.0), name))])["lost, where over 100 were"].values == 1
    nothing = metric(101.0, (0.0,) * 99, name)
    assert math.isnan(by_title([record(1, nothing)])["lost, where over 100 were"].error_median)


def test_every_metric_of_time_is_in_a_family() -> None:
    """But for the readers' times, which no bound is set for; none is in two."""
    for each in CATALOGUE:
        row = ReferenceMetric(each.name, each.unit, each.kind, False, 0.0, (), {}, 1.0, None, None, None)
        mine = [family.title for family in FAMILIES[:-1] if family.holds(row)]
        expected = each.unit == "s" and not each.name.startswith("read_")
        assert len(mine) == expected or each.name == "pipeline_backlog_events_max", (each.name, mine)


@pytest.mark.parametrize(("inside", "judged", "fails"), [(2, 5, True), (3, 5, False), (6, 10, True), (14, 20, True)])
def test_a_fault_whose_intervals_hold_too_rarely_fails(inside: int, judged: int, fails: bool) -> None:
    """2 of 5, 6 of 10 and 14 of 20 have chances of about 1 % where nine in ten hold; four drills are too few."""
    values = [10.0] * inside + [99.0] * (judged - inside)
    drills = [record(n, metric(value, percentiles(10.0, 2.0))) for n, value in enumerate(values)]
    assert [(each.metric, each.inside, each.judged) for each in failing(drills)] == [(NAME, inside, judged)] * fails
    assert failing(drills[-4:]) == ()


def test_what_no_prior_knows_of_is_told_apart() -> None:
    """A scenario whose drills were never fitted to is held out; the others count in the whole alone."""
    row = metric(10.0, percentiles(10.0, 2.0))
    table = fidelity([record(1, row), replace(record(2, row), scenario="broker-loss")])
    assert table.held_out_scenarios == ("sample",)
    assert [each.drills for each in table.held_out] == [1, 1]
    assert [each.drills for each in table.families] == [2, 2]


def test_the_latest_drills_stand_by_themselves_where_there_are_older_ones() -> None:
    """Today's models are judged by what they sealed: thirty drills that were right after five that were not."""
    older = [record(n, metric(99.0, percentiles(10.0, 2.0))) for n in range(5)]
    newer = [record(5 + n, metric(10.0, percentiles(10.0, 2.0))) for n in range(LATEST)]
    table = fidelity([*older, *newer])
    assert {each.drills for each in table.latest} == {LATEST}
    assert {each.coverage.share for each in table.latest} == {1.0}
    assert {each.drills for each in table.families} == {LATEST + 5}
    assert fidelity(newer).latest == ()
