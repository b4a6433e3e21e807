"""The page about many drills: its first sentence, its figures, and that nothing on it is without its count."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.page_structure import structure_of
from tests.support.reference_records import metric, percentiles, record
from workbench.cli import main
from workbench.compare.pooled import pooled, ranks, worst
from workbench.errors import EXIT_AS_EXPECTED, EXIT_BAD_INPUT
from workbench.records.reference import ReferenceRecord, write_record
from workbench.report.fidelity_page import page_of, write_fidelity_page

DETECT = "broker_detect_s"


def drill(number: int, observed: float, phase: float | None = 9.0, scenario: str = "sample") -> ReferenceRecord:
    """Return a drill whose primary metric was predicted around 10 s, and a phase of it as well."""
    rows = [metric(observed, percentiles(10.0, 4.0)), metric(phase, percentiles(9.0, 2.0), DETECT, "phase")]
    return replace(record(number, *rows), scenario=scenario)


def test_coverage_counts_every_judged_row_and_its_range_resamples_drills() -> None:
    """Nine of ten drills right in both rows: 18 of 20; a drill's rows stand or fall together, so the range is wide."""
    drills = [*(drill(number, 10.0) for number in range(9)), drill(9, 30.0, 30.0)]
    held = pooled(drills, 90)
    assert (held.inside, held.judged, held.share) == (18, 20, 0.9)
    assert held.low == pytest.approx(0.7, abs=0.11)
    assert held.high == 1.0
    assert math.isnan(pooled([], 90).low)


def test_ranks_are_tenths_of_each_ones_own_prediction() -> None:
    """Below, in the middle, above; one that was not observed and one of a single value have none."""
    rows = [metric(value, percentiles(10.0, 4.0)) for value in (1.0, 10.01, 30.0, None)]
    rows.append(metric(3.0, percentiles(3.0, 0.0)))
    assert ranks(rows) == [1, 0, 0, 0, 0, 1, 0, 0, 0, 1]


def test_the_worst_miss_comes_first_in_widths_of_its_own_interval() -> None:
    """4 s beyond an interval of 1.8 s is worse than 8.2 s beyond one of 3.6 s."""
    misses = worst([drill(1, 20.0), drill(2, 10.0, 13.9), drill(3, 10.0)])
    assert [(miss.record.seed, miss.row.name) for miss in misses] == [(1, "kafka_unavailable_s"), (2, DETECT)]
    assert misses[0].overshoot_widths == pytest.approx(8.2 / 3.6)


def test_the_page_says_its_counts_and_is_sound() -> None:
    """Tags close, ids are unique and found; the first sentence has counts, share and range."""
    drills = [*(drill(number, 10.0 + 0.1 * number) for number in range(6)), drill(6, 30.0, None, "other")]
    page = page_of(drills)
    assert re.fullmatch(
        r"7 drills: the sealed 90 % intervals held 12 of 13 times \(92 %, range \d+ % to 100 %\)\.", page.headline
    )
    assert [badge.look for badge in page.badges] == ["pass", "pass", "pass"]
    assert "other, sample" in page.warnings[0]


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    """One file without a script or a request."""
    drills = [drill(number, 10.0 + 0.3 * number) for number in range(5)]
    for name in ("one.html", "two.html"):
        write_fidelity_page(drills, tmp_path / name)
    page = (tmp_path / "one.html").read_text()
    assert page == (tmp_path / "two.html").read_text()
    found = structure_of(page)
    assert found.problems == []
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    assert set(found.references) <= set(found.ids)
    assert found.headings == ["h1"] + ["h2"] * 8
    assert not found.tags & {"script", "link", "img", "iframe"}
    assert found.addresses == []


def test_the_command_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From a folder of records to a file; without a record there is nothing to show."""
    for number in range(3):
        write_record(tmp_path / "records", drill(number, 10.0))
    out = tmp_path / "a page.html"
    assert ended(["--out", str(out), "--reference", str(tmp_path / "records")]) == EXIT_AS_EXPECTED
    assert capsys.readouterr().out.strip() == str(out)
    assert "3 drills" in out.read_text()
    assert ended(["--out", str(out), "--reference", str(tmp_path / "none")]) == EXIT_BAD_INPUT
    assert "fidelity collect" in capsys.readouterr().err


def ended(arguments: list[str]) -> object:
    """Run the command and return its exit code."""
    with pytest.raises(SystemExit) as caught:
        main(["fidelity", "page", *arguments])
    return caught.value.code
