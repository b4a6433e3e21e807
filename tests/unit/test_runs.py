"""`workbench runs`: every sealed prediction is listed, with an exit code where the run has one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from workbench.cli import root
from workbench.records.folder import dump_json
from workbench.records.runs_index import enter

ENDED = {"complete": True, "exit_code": 0, "verdicts": {"resilience": {"verdict": "PASS"}}}
BROKEN_OFF = {"complete": False}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return a folder with a run that ended, one that did not, and one whose folder is gone."""
    for seed, (name, run) in enumerate({"ended": ENDED, "broken-off": BROKEN_OFF, "gone": None}.items()):
        folder = tmp_path / "broker-loss" / name
        if run is not None:
            folder.mkdir(parents=True)
            (folder / "run.json").write_bytes(dump_json(run))
        enter(tmp_path, name, "broker-loss", seed, 1.0, "hash", folder)
    return tmp_path


def test_exit_codes_are_whole_numbers_or_nothing(out: Path) -> None:
    """Neither 0.0 nor NaN."""
    shown = CliRunner().invoke(root, ["runs", "--out", str(out)])
    ended, broken_off, gone = (line.split() for line in shown.output.splitlines()[1:])
    assert ended == ["ended", "broker-loss", "0", "complete", "PASS", "0"]
    assert broken_off == ["broken-off", "broker-loss", "1", "incomplete"]
    assert gone == ["gone", "broker-loss", "2", "gone"]


def test_as_json_there_is_none_in_its_place(out: Path) -> None:
    """A reader tells 0 from no end."""
    shown = CliRunner().invoke(root, ["runs", "--json", "--out", str(out)])
    assert [run["exit_code"] for run in json.loads(shown.output)] == [0, None, None]


def test_without_any_it_says_how_to_make_one(tmp_path: Path) -> None:
    """No empty table."""
    shown = CliRunner().invoke(root, ["runs", "--out", str(tmp_path)])
    assert "no sealed run yet" in shown.output
