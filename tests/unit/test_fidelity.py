"""The fidelity table: what it counts, whom it compares with, and what it refuses to forget."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.support.reference_records import NAME, metric, percentiles, record
from tests.support.sample_run import CASES, write_sample
from workbench.cli import main
from workbench.compare.fidelity import fidelity
from workbench.compare.reference import record_of
from workbench.errors import EXIT_AS_EXPECTED, EXIT_BAD_INPUT, EXIT_MACHINE, EXIT_MISSED, EXIT_STOPPED, ToolFailed
from workbench.nightly import Wanted, add_records, collect, collecting
from workbench.records.folder import RunFolder, load_json
from workbench.records.reference import (
    read_records,
    write_record,
)
from workbench.records.runs_index import enter, read_index
from workbench.scenario import PROJECT_ROOT
from workbench.streams import stream


def test_errors_are_of_the_predicted_median() -> None:
    """Observed 9, 10 and 13 for 10 predicted: the sizes are 10, 0 and 30 %."""
    table = fidelity([record(n, metric(value, percentiles(10.0, 2.0))) for n, value in enumerate([9.0, 10.0, 13.0])])
    (row,) = table.rows
    assert row.drills == 3
    assert row.error_of_medians == pytest.approx(0.0)
    assert row.error_median == pytest.approx(0.1)
    assert row.error_worst == pytest.approx(0.3)
    assert [(each.percent, each.inside, each.judged) for each in row.coverage] == [
        (50, 1, 3),
        (80, 1, 3),
        (90, 1, 3),
        (99, 0, 0),
    ]
    assert row.width_90 == pytest.approx(1.8)


def test_a_calibrated_prediction_is_found_so_and_beats_both_competitors() -> None:
    """The middle moves from drill to drill and is known to the model alone: coverage near 90 %, the best CRPS."""
    rng = stream(5, "fidelity")
    middles = rng.uniform(10.0, 30.0, 200)
    drills = [
        record(n, metric(float(middle + rng.uniform(-1.0, 1.0)), percentiles(float(middle), 2.0)))
        for n, middle in enumerate(middles)
    ]
    (row,) = fidelity(drills).rows
    ninety = next(each for each in row.coverage if each.percent == 90)
    assert ninety.interval_90[0] <= 0.9 <= ninety.interval_90[1]
    assert row.crps.drills == 198
    assert row.crps.model < 0.2 * row.crps.earlier < row.crps.persistence


def test_competitors_know_only_earlier_drills() -> None:
    """Of four drills two have two before them; persistence is off by one step each time."""
    (row,) = fidelity([record(n, metric(10.0 + n, percentiles(10.0, 2.0))) for n in range(4)]).rows
    assert row.crps.drills == 2
    assert row.crps.persistence == pytest.approx(1.0)


def test_drills_of_an_earlier_configuration_are_counted_apart() -> None:
    """When scenario or manifests have changed, older drills say nothing of the new ones."""
    old = [record(n, metric(99.0, percentiles(10.0, 2.0)), configuration="old") for n in range(3)]
    table = fidelity([*old, record(9, metric(10.0, percentiles(10.0, 2.0)))])
    assert (table.sealed, table.superseded) == (1, 3)
    assert table.rows[0].observed_median == 10.0


def test_crps_is_that_of_the_distribution() -> None:
    """An even distribution of width 1 around what was observed: CRPS 1/12 (its closed form at the middle)."""
    drills = [record(n, metric(10.0, percentiles(10.0, 1.0))) for n in range(3)]
    (row,) = fidelity(drills).rows
    assert row.crps.model == pytest.approx(1.0 / 12.0, rel=0.03)
    assert row.crps.persistence == 0.0


def test_a_miss_names_the_phase_that_carried_it() -> None:
    """6 s too late, 5 of them in one phase; another phase was off the other way."""
    drill = record(
        1,
        metric(16.0, percentiles(10.0, 2.0)),
        metric(8.0, percentiles(3.0, 1.0), "broker_detect_s", "phase"),
        metric(0.0, percentiles(9.0, 1.0), "leader_election_s", "phase"),
        metric(40.0, percentiles(9.0, 1.0), "broker_down_s", "phase"),  # farther off, but no part of the silence
    )
    (missed,) = fidelity([drill]).missed
    assert (missed.run_id, missed.metric, missed.phase) == ("run-1", NAME, "broker_detect_s")
    assert missed.phase_error == pytest.approx(5.0)


def test_an_objective_promised_and_missed_is_false_safe() -> None:
    """Predicted to be kept with 95 %, and missed once."""
    drills = [record(n, metric(10.0, percentiles(10.0, 2.0), kept=n > 0)) for n in range(3)]
    assert fidelity(drills).rows[0].false_safe == 1


def test_seals_left_unscored_are_counted_and_too_many_fail_the_table() -> None:
    """One of ten is let pass, two of eleven are not."""
    drills = [record(n, metric(10.0, percentiles(10.0, 2.0))) for n in range(9)]
    one = [*drills, record(20, unscored="the driver ended")]
    assert fidelity(one).sound
    two = fidelity([*one, record(21, unscored="the driver ended")])
    assert not two.sound
    assert (two.sealed, dict(two.unscored)) == (11, {"the driver ended": 2})


def sealed_sample(out: Path, name: str, number: int = 1) -> RunFolder:
    """Write a sample run into a folder of runs, entered in its index."""
    run = write_sample(out / "sample" / f"{name}-{number}", name)
    digest = run.prediction_sha256.read_text().split()[0]
    enter(out, run.root.name, "sample", number, float(number), digest, run.root)
    return run


@pytest.mark.parametrize("name", ["pass-pass", "pass-fail", "inconclusive", "incomplete", "stopped"])
def test_a_record_keeps_what_a_comparison_says(tmp_path: Path, name: str) -> None:
    """Medians, answers and observed values are those of comparison.json; what does not count says why."""
    run = sealed_sample(tmp_path, name)
    (found,) = [record_of(sealed) for sealed in read_index(tmp_path)]
    assert found is not None
    assert bool(found.unscored) == (name in {"inconclusive", "incomplete", "stopped"})
    assert CASES[name].stopped is None or CASES[name].stopped in found.unscored
    if found.unscored:
        assert found.metrics == ()
        return
    by_name = {row.name: row for row in found.metrics}
    for row in load_json(run.comparison_json)["metrics"]:
        kept = by_name[row["name"]]
        assert kept.observed == row["observed"]
        if row["predicted"]["median"] is not None:
            assert kept.percentiles[49] == pytest.approx(row["predicted"]["median"], rel=1e-3)
        assert kept.inside.get(90) == row["inside_90"]
    path = write_record(tmp_path / "reference", found)
    assert read_records(tmp_path / "reference") == [found]
    assert path.stat().st_size < 40_000


def test_a_prediction_changed_after_its_seal_does_not_count(tmp_path: Path) -> None:
    """The folder's prediction is not the one whose hash was sealed."""
    run = sealed_sample(tmp_path, "pass-pass")
    run.prediction_json.write_bytes(run.prediction_json.read_bytes().replace(b"15", b"16", 1))
    (found,) = [record_of(sealed) for sealed in read_index(tmp_path)]
    assert found is not None
    assert "not the sealed one" in found.unscored


def test_records_are_added_once_and_an_incomplete_one_again(tmp_path: Path) -> None:
    """Adding twice writes nothing new; a run that was under way is recorded anew when it has ended."""
    out, reference = tmp_path / "out", tmp_path / "reference"
    sealed_sample(out, "pass-pass")
    under_way = sealed_sample(out, "incomplete", 2)
    assert len(add_records(out, reference)) == 2
    assert len(add_records(out, reference)) == 1
    ended = write_sample(tmp_path / "ended", "pass-pass")
    shutil.copytree(ended.root, under_way.root, dirs_exist_ok=True)
    add_records(out, reference)
    assert add_records(out, reference) == []
    assert all(not each.unscored for each in read_records(reference))


def drills_that_end(monkeypatch: pytest.MonkeyPatch, codes: Sequence[int]) -> list[tuple[str, int]]:
    """Let the collector's drills be sample runs that end with these codes, and note them."""
    asked: list[tuple[str, int]] = []

    def drill(scenario: str, seed: int, out: Path, log: Path) -> int:
        code = codes[len(asked)]
        asked.append((scenario, seed))
        if code != EXIT_MACHINE:
            sealed_sample(out, "pass-pass", seed)
        return code

    monkeypatch.setattr(collecting, "_drill", drill)
    return asked


def test_collecting_takes_turns_and_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Scenarios alternate; what has a record is not run again."""
    asked = drills_that_end(monkeypatch, [EXIT_AS_EXPECTED, EXIT_MISSED, EXIT_AS_EXPECTED, EXIT_AS_EXPECTED])
    said: list[str] = []
    places = (tmp_path / "out", tmp_path / "reference")
    collect([Wanted("sample", 2), Wanted("other", 1)], 8, *places, said.append)
    assert asked == [("sample", 8), ("other", 8), ("sample", 9)]
    collect([Wanted("sample", 3)], 8, *places, said.append)
    assert asked[3:] == [("sample", 10)]
    collect([Wanted("scenarios/sample.yaml", 3)], 8, *places, said.append)
    assert len(asked) == 4, "a scenario by its path is the one of that name"


def test_a_drill_whose_driver_was_killed_is_run_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its record stays among the unscored; the seed gets one that counts."""
    asked = drills_that_end(monkeypatch, [EXIT_AS_EXPECTED, EXIT_AS_EXPECTED])
    places = (tmp_path / "out", tmp_path / "reference")
    sealed_sample(places[0], "incomplete", 8)
    collect([Wanted("sample", 2)], 8, *places, lambda _: None)
    assert asked == [("sample", 8), ("sample", 9)]
    assert sorted(bool(each.unscored) for each in read_records(places[1])) == [False, False, True]


@pytest.mark.parametrize(("codes", "run"), [([EXIT_MACHINE] * 3, 3), ([EXIT_AS_EXPECTED, EXIT_STOPPED], 2)])
def test_collecting_stops_where_going_on_makes_no_sense(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, codes: list[int], run: int
) -> None:
    """Three failures in a row, or a drill that a person stopped."""
    asked = drills_that_end(monkeypatch, codes)
    with pytest.raises(ToolFailed):
        collect([Wanted("sample", 9)], 1, tmp_path / "out", tmp_path / "reference", lambda _: None)
    assert len(asked) == run


def shown(arguments: Sequence[str]) -> int:
    """Return the exit code of `workbench fidelity`."""
    with pytest.raises(SystemExit) as ended:
        main(["fidelity", *arguments])
    return int(ended.value.code or 0)


def test_the_table_is_shown_three_ways(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal, as Markdown and as JSON the same numbers stand."""
    out, reference = tmp_path / "out", tmp_path / "reference"
    for number in (1, 2, 3):
        sealed_sample(out, "pass-pass", number)
    assert shown(["add", "--out", str(out), "--reference", str(reference)]) == 0
    capsys.readouterr()
    for flags in ([], ["--markdown"]):
        assert shown(["show", *flags, "--reference", str(reference)]) == 0
        text = capsys.readouterr().out
        assert "no acknowledgement, worst partition" in text
        assert "sealed predictions: 3, not scored: 0" in text
    assert shown(["show", "--json", "--reference", str(reference)]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    row = next(row for row in rows if row["metric"] == NAME)
    assert np.isclose(row["observed_median"], read_records(reference)[0].metrics[0].observed)


def test_the_page_of_the_documentation_is_what_the_kept_records_say(capsys: pytest.CaptureFixture[str]) -> None:
    """A record that is added without the page, or a page that somebody mended by hand, is found here."""
    shown(["show", "--all", "--markdown"])
    page = capsys.readouterr().out
    assert (PROJECT_ROOT / "docs" / "fidelity.md").read_text() == page
    together = page.partition("## All drills together\n\n")[2].partition("\n\n")[0]
    assert together.count("\n") > 5
    assert together in (PROJECT_ROOT / "README.md").read_text()


def test_bad_input_says_what_is_needed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A list entry without a count, an unknown scenario, a record that does not parse."""
    assert shown(["collect", "broker-loss"]) == EXIT_BAD_INPUT
    assert "SCENARIO:COUNT is needed" in capsys.readouterr().err
    assert shown(["collect", "brokr-loss:3"]) == EXIT_BAD_INPUT
    assert "did you mean broker-loss" in capsys.readouterr().err
    (tmp_path / "sample").mkdir()
    (tmp_path / "sample" / "bad.json").write_text('{"run_id": 3}')
    assert shown(["show", "--reference", str(tmp_path)]) == EXIT_BAD_INPUT
    assert "bad.json: run_id" in capsys.readouterr().err
    assert shown(["show", "--reference", str(tmp_path / "none")]) == 0
    assert "no record below" in capsys.readouterr().out
