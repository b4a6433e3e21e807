"""`workbench nightly` as a person or a CI step sees it: output, files, exit codes. Its drills here are fakes."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from tests.support.fake_drill import __file__ as fake_drill
from tests.support.sample_run import write_sample
from workbench.cli import main
from workbench.cli import nightly as cli_nightly
from workbench.errors import EXIT_AS_EXPECTED, EXIT_BAD_INPUT, EXIT_MACHINE, EXIT_STOPPED
from workbench.nightly import Night, ground
from workbench.nightly.fitness import check_fitness
from workbench.records.history import open_history

SUITE = "title: T\ntarget: local\nbudget_s: 600\ncompare_nights: 21\ndrills:\n  broker-loss: 2\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a suite whose drills are fakes, on a machine that is fit, outside of GitHub."""
    write_sample(tmp_path / "sample", "pass-pass")
    (tmp_path / "plan.json").write_text("{}")
    (tmp_path / "fakes.yaml").write_text(SUITE)
    command = (sys.executable, "-S", fake_drill, str(tmp_path))
    monkeypatch.setattr(cli_nightly, "Night", partial(Night, command=command, well_again_s=0.0))
    monkeypatch.setattr(ground, "check_fitness", lambda _topology, _directory: None)
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def night(folder: Path, *options: str) -> int:
    """Run a night and return its exit code."""
    places = ["--out", str(folder / "out"), "--history", str(folder / "history.sqlite")]
    with pytest.raises(SystemExit) as caught:
        main(["nightly", str(folder / "fakes.yaml"), *places, *options])
    return int(str(caught.value.code))


def test_a_night_from_end_to_end(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON alone on stdout, progress with the time left on stderr, files in the night's folder, a step's summary."""
    summary = folder / "step.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert night(folder, "--json") == EXIT_AS_EXPECTED
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert [(drill["exit_code"], drill["prediction"]) for drill in told["drills"]] == [(0, "PASS"), (0, "PASS")]
    assert "[2/2] broker-loss seed" in printed.err
    assert "min left" in printed.err
    place = folder / "out" / "nightly" / "fakes" / told["night"]
    assert {"junit.xml", "trend.html", "night.json", "drills.prom"} <= {path.name for path in place.iterdir()}
    assert "2 drills: 2 proved something" in summary.read_text()
    assert night(folder) == EXIT_AS_EXPECTED
    printed = capsys.readouterr()
    assert "2 drills, 0 of them done before" in printed.out
    assert f"night {told['night']}.02: " in printed.out


def test_a_failed_drill_is_annotated(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On GitHub's runner the worst comes as a workflow command; the code is the tool's."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    seeds = {f"broker-loss {repeat}": what for repeat, what in ((1, "fails"), (2, "ok"))}
    (folder / "plan.json").write_text(json.dumps(seeds))
    assert night(folder) == EXIT_MACHINE
    assert "::error title=broker-loss seed" in capsys.readouterr().out


def test_a_person_may_end_it(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C: 5, with a summary and the files of what was done."""

    def interrupted(_night: Night) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli_nightly, "run_night", interrupted)
    assert night(folder) == EXIT_STOPPED
    said = capsys.readouterr().out
    assert "it ended early: stopped by a person (Ctrl-C)" in said
    assert list((folder / "out" / "nightly").glob("fakes/*/junit.xml"))


@pytest.mark.parametrize("wrong", ["unknown scenario", "text", "newer"])
def test_bad_input_is_told_and_the_history_stays_as_it_is(
    folder: Path, wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A scenario there is none of, a history that is none, one of a newer workbench: 2, no drill, the same bytes."""
    path = folder / "history.sqlite"
    with open_history(path):
        pass
    if wrong == "unknown scenario":
        (folder / "fakes.yaml").write_text(SUITE.replace("broker-loss", "broker-lost"))
    elif wrong == "text":
        path.write_text("only words\n" * 1000)
    else:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA user_version = 99")
            connection.commit()
    before = path.read_bytes()
    assert night(folder) == EXIT_BAD_INPUT
    assert {"unknown scenario": "broker-lost", "text": "damaged", "newer": "version 99"}[
        wrong
    ] in capsys.readouterr().err
    assert path.read_bytes() == before
    assert not (folder / "done.txt").exists()


def test_another_hub_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """3, with the command that helps; nothing is counted."""
    monkeypatch.setattr("workbench.nightly.fitness.known_hubs", lambda: [Path("7f3a")])
    monkeypatch.setattr(ground, "check_fitness", check_fitness)
    assert night(folder) == EXIT_MACHINE
    assert "hub 7f3a is up" in capsys.readouterr().err
    with open_history(folder / "history.sqlite") as history:
        assert history.drills() == []
