"""The terminal's view of a drill: a block redrawn in place, dated lines when piped, the last block on stdout."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.sample_run import CASES, write_sample
from workbench.cli import _progress_words as words
from workbench.cli import root
from workbench.cli._progress import DrillProgress
from workbench.drill.progress import Progress
from workbench.records.folder import load_json

START_S = 1_773_524_373.0  # 14 March 2026 21:39:33 UTC


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = START_S

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


def view(clock: Clock, terminal: bool) -> tuple[DrillProgress, io.StringIO]:
    """Return a view that writes into a text."""
    stream = io.StringIO()
    return DrillProgress(stream=stream, out=io.StringIO(), clock=clock, terminal=terminal), stream


def walk(progress: Progress, clock: Clock) -> None:
    """Tell a view of a drill that is 9.2 s into its detection."""
    progress.header("broker-loss", "local", 7, "20260314T214003Z-7f3a")
    progress.phase_started("baseline", [60.0])
    clock.now_s += 60.0
    progress.phase_done("baseline", 60.0, "299.6/s of 300 planned, ack p50 4.4 ms, steady and much more than fits")
    progress.sealed(clock.now_s, "9c4107be" + "0" * 56, "no acknowledgement, worst partition 15.2 s (11.6 to 20.9 s)")
    progress.phase_done("fault", 0.0, "SIGKILL broker 2, proved gone after 0.2 s")
    progress.phase_started("detect", [10.0, 11.0, 13.4, 15.0, 18.4])
    progress.tick(0.0, 300.0, 2760.0, 18.0, 0)
    clock.now_s += 9.2


def test_the_block_of_a_terminal() -> None:
    """Phases passed, the running one with bar and time to go, the load; nothing is wider than 80 columns."""
    clock = Clock()
    progress, stream = view(clock, terminal=True)
    try:
        walk(progress, clock)
        lines = progress.lines()
    finally:
        progress.close()
    assert lines[0] == "broker-loss  target local  seed 7  run 20260314T214003Z-7f3a"
    assert lines[1].startswith("sealed 21:40:33 UTC  sha256 9c41 07be  no acknowledgement")
    assert " >>  detect                 9.2 s  [##########----]  about 4.2 s to go (1.0-8.5)" in lines
    assert " acked      0/s of 300   backlog 2,760 events   lag 18 records   failed 0" in lines
    assert lines[-1] == " elapsed 1:09   Ctrl-C stops and undoes"
    assert max(len(line) for line in lines) <= words.COLUMNS
    assert "SIGKILL broker 2" in stream.getvalue()


def test_a_phase_later_than_every_replication() -> None:
    """Past all replications there is no guess, only how late it is."""
    assert words.time_to_go(21.5, [10.0, 18.4]) == "late by 3.1 s, longer than any of 2"
    assert words.time_to_go(3.0, None) == ""
    assert words.time_to_go(70.0, [60.0]) == ""


def test_a_long_drill_keeps_its_last_lines() -> None:
    """However many phases have passed, the block keeps to the terminal's height and shows the newest."""
    clock = Clock()
    progress, _ = view(clock, terminal=False)
    for number in range(100):
        progress.phase_done(f"phase {number}", 1.0, "")
    progress.tick(300.0, 300.0, 3.0, 2.0, 0)
    assert len(progress.lines()) <= 22
    assert len(progress.lines(10)) <= 10
    assert any("phase 99 " in line for line in progress.lines(10))


def test_piped_it_is_one_dated_line_an_event() -> None:
    """No colour, no cursor movement, no redraw: a log."""
    clock = Clock()
    progress, stream = view(clock, terminal=False)
    walk(progress, clock)
    progress.close()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 6
    assert all(re.match(r"2026-03-14T21:(39|40):\d\dZ \S", line) for line in lines)
    assert lines[-1].endswith("started detect, predicted 13.4 s (10.2-17.7)")
    assert "\x1b" not in stream.getvalue()


def test_no_colour_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR is respected on a terminal."""
    monkeypatch.setenv("NO_COLOR", "1")
    clock = Clock()
    progress, stream = view(clock, terminal=True)
    walk(progress, clock)
    progress.close()
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", stream.getvalue())


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.compared])
def test_the_last_block(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both verdicts, the residue, the table and the exit code; what may be broken stands first."""
    run = write_sample(tmp_path / "run", name)
    monkeypatch.chdir(tmp_path)
    out = io.StringIO()
    comparison = load_json(run.comparison_json)
    DrillProgress(stream=io.StringIO(), out=out).finish(comparison, run.root, "workbench drill broker-loss")
    lines = out.getvalue().splitlines()
    assert max(len(line) for line in lines) <= words.COLUMNS
    heads = [line.split()[0] for line in lines if re.match("[A-Z]{7,} ", line)]
    expected = ["RESILIENCE", "PREDICTION", "RESIDUE"]
    assert heads == (["RESIDUE", "RESILIENCE", "PREDICTION"] if name == "broken" else expected)
    assert "report  run/report.html     again  workbench drill broker-loss" in lines
    assert f"exit {comparison['exit_code']}  " in out.getvalue()


def test_a_miss_is_marked_in_the_last_block(tmp_path: Path) -> None:
    """The row that was missed carries a mark, the predicted interval and the error."""
    run = write_sample(tmp_path / "run", "pass-fail")
    lines = words.last_block(load_json(run.comparison_json), run.root, "workbench drill broker-loss")
    assert any(re.match(r"! full redundancy back, s +40\.8 +35\.5-46\.7 +57\.2 +\+40 %$", line) for line in lines)


def test_the_quiet_view_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Notebooks and tests hear nothing."""
    progress = Progress()
    walk(progress, Clock())
    progress.finish({}, Path("."), "")
    progress.close()
    assert capsys.readouterr() == ("", "")


def test_the_command_renders_again(tmp_path: Path) -> None:
    """`workbench report FOLDER` writes the pages and prints their paths."""
    run = write_sample(tmp_path / "a run", "no-seal")
    result = CliRunner().invoke(root, ["report", str(run.root), "--open-path"], standalone_mode=False)
    assert result.exception is None
    assert result.output == f"{run.root / 'report.html'}\n"
    assert (run.root / "junit.xml").exists()
