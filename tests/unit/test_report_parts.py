"""What a page shows of each part's loss: every metric it names is one that such a loss has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.sample_run import write_sample
from workbench.fault import PARTS, SIGNAL_NAMES, FaultType, Part
from workbench.metrics.belonging import PART_METRICS
from workbench.metrics.catalogue import metrics_of
from workbench.report.milestones import phase_rows
from workbench.report.parts import PAGES
from workbench.report.record import read_record


@pytest.mark.parametrize("part", Part)
def test_a_page_names_only_metrics_that_the_loss_has(part: Part) -> None:
    """And every one that only this part's loss has is a phase, a total or a large number."""
    page, there = PAGES[part], {metric.name for metric in metrics_of(part)}
    phases = {name for _, name in page.phases}
    felt = {name for name, _ in page.felt}
    milestones = {name for milestone in page.milestones for name in milestone.phases}
    assert phases | felt | milestones | {page.silence.metric, page.total} | set(page.parts) <= there
    assert PART_METRICS[part.value] - phases - felt - {page.total} <= {"broker_rejoin_s"}  # a sum of two phases
    assert all("{}" in milestone.reached for milestone in page.milestones)


def test_a_run_is_shown_as_what_was_hit(tmp_path: Path) -> None:
    """By the fault's type; a record from before there was any other part is a broker's."""
    record = read_record(write_sample(tmp_path / "run", "pass-pass"))
    for kind in FaultType:
        of_kind = replace(record, run={**record.run, "fault": {"type": kind.value, "signal": SIGNAL_NAMES[kind]}})
        assert of_kind.page is PAGES[PARTS[kind]]
    without = replace(record, run={**record.run, "fault": {"signal": "SIGKILL"}})
    assert without.page is PAGES[Part.BROKER]
    assert [number for number, _ in phase_rows(without)][-1] == "total"
