"""The conductor of a night: order, isolation, time, and going on after a kill. Its drills here are fakes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import night_driver
from tests.support.fake_drill import write_run
from tests.support.night_driver import NIGHT, night_of_fakes
from tests.support.reference_records import metric, percentiles
from tests.support.sample_run import write_sample
from workbench.errors import MachineTrouble, Stopped, UndoUnverified
from workbench.nightly.night import End, run_night
from workbench.nightly.plan import plan
from workbench.records.history import open_history
from workbench.records.night_drill import DONE, HUNG, KILLED, RUNNING, NightDrill, night_metric
from workbench.scenario import Suite

WAIT_S = 60.0


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a sample run that fakes copy."""
    return write_sample(tmp_path_factory.mktemp("sample") / "run", "pass-pass").root


@pytest.fixture
def folder(tmp_path: Path, sample: Path) -> Path:
    """Return a folder in which fakes find their sample and an empty plan."""
    (tmp_path / "sample").symlink_to(sample, target_is_directory=True)
    (tmp_path / "plan.json").write_text("{}")
    return tmp_path


def done(folder: Path) -> list[str]:
    """Return what fakes did, in order."""
    return (folder / "done.txt").read_text().splitlines()


def wait_for(path: Path) -> str:
    """Return a file's text as soon as it has one."""
    deadline_s = time.monotonic() + WAIT_S
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline_s, f"{path.name} never came"
        time.sleep(0.02)
    return path.read_text()


def test_a_drill_that_fails_hangs_or_dies_does_not_end_the_night(folder: Path) -> None:
    """Each has its own state and reason; those after it are done, and what they saw is in the history."""
    plan_ = {"redis-loss 1": "dies", "broker-stop 1": "fails", "broker-loss 3": "hangs"}
    (folder / "plan.json").write_text(json.dumps(plan_))
    drills = {"broker-loss": 4, "redis-loss": 1, "broker-stop": 1}
    with open_history(folder / "history.sqlite") as history:
        ended = run_night(night_of_fakes(folder, history, drills=drills, drill_max_s=4.0))
        found = {(drill.scenario, drill.repeat): drill for drill in history.drills()}
    assert ended.reason == ""
    states = {name: (drill.state, drill.exit_code) for name, drill in found.items()}
    assert states == {
        ("broker-loss", 1): (DONE, 0),
        ("broker-loss", 2): (DONE, 0),
        ("broker-loss", 3): (HUNG, None),
        ("broker-loss", 4): (DONE, 0),
        ("redis-loss", 1): (KILLED, -signal.SIGKILL),
        ("broker-stop", 1): (DONE, 3),
    }
    assert found["broker-stop", 1].reason == "error: the hub did not start"
    good = found["broker-loss", 4]
    assert (good.resilience, good.prediction, good.as_expected) == ("PASS", "PASS", True)
    seen = good.metric("kafka_unavailable_s")
    assert seen is not None
    assert seen.primary
    assert (seen.at_most, seen.inside_90) == (30.0, True)
    assert seen.quantiles[5] < seen.quantiles[50] < seen.quantiles[95]


def test_a_night_that_is_killed_goes_on_and_counts_nothing_twice(folder: Path) -> None:
    """SIGKILL during the second drill: its process ends too, the first is not done again, the second is."""
    (folder / "plan.json").write_text(json.dumps({"redis-loss 1": "hangs"}))
    root = Path(night_driver.__file__).parents[2]
    program = [sys.executable, "-m", "tests.support.night_driver", str(folder)]
    conductor = subprocess.Popen(program, cwd=root, stdout=subprocess.DEVNULL)
    try:
        hanging = int(wait_for(folder / "hanging"))
    finally:
        conductor.kill()
        conductor.wait()
    deadline_s = time.monotonic() + WAIT_S
    while Path(f"/proc/{hanging}").exists() and "zombie" not in Path(f"/proc/{hanging}/status").read_text():
        assert time.monotonic() < deadline_s, "the drill outlived its conductor"
        time.sleep(0.02)
    (folder / "plan.json").write_text("{}")
    said: list[str] = []
    with open_history(folder / "history.sqlite") as history:
        assert run_night(night_of_fakes(folder, history, said.append)) == End()
        drills = history.drills()
        assert run_night(night_of_fakes(folder, history, said.append)) == End()
    assert Counter(done(folder)) == Counter(
        ["broker-loss 1 ok", "redis-loss 1 hangs", "redis-loss 1 ok", "broker-loss 2 ok"]
    )
    assert sorted(drill.key for drill in drills) == [
        ("fakes", NIGHT, "broker-loss", 1),
        ("fakes", NIGHT, "broker-loss", 2),
        ("fakes", NIGHT, "redis-loss", 1),
    ]
    assert {drill.state for drill in drills} == {DONE}
    assert "3 drills, 1 of them done before" in said[0]


def test_a_drill_that_ended_while_nobody_watched_is_counted(folder: Path) -> None:
    """The conductor died after the drill's end and before the entry: the sealed run is found, and not done again."""
    running = NightDrill("fakes", NIGHT, "broker-loss", 1, 2026031401, time.time() - 1.0)
    with open_history(folder / "history.sqlite") as history:
        history.begin_night("fakes", NIGHT, running.started_s)
        history.put(running)
        night = night_of_fakes(folder, history, drills={"broker-loss": 1})
        write_run(folder / "sample", "broker-loss", running.seed, night.runs)
        assert run_night(night) == End()
        (found,) = history.drills()
    assert (found.state, found.exit_code, found.resilience) == (DONE, 0, "PASS")
    assert not (folder / "done.txt").exists()


def test_time_is_kept(folder: Path) -> None:
    """The first drill is done in any case; those that do not fit are left out, and the night says so."""
    with open_history(folder / "history.sqlite") as history:
        assert run_night(night_of_fakes(folder, history, budget_s=100.0)) == End("2 drills did not fit the time")
        assert [drill.key[2:] for drill in history.drills()] == [("broker-loss", 1)]


def test_three_failures_in_a_row_end_the_night(folder: Path) -> None:
    """Then the machine is the trouble, and more drills would only take time."""
    (folder / "plan.json").write_text(json.dumps({f"broker-loss {number}": "fails" for number in (1, 2, 3, 4)}))
    with open_history(folder / "history.sqlite") as history:
        ended = run_night(night_of_fakes(folder, history, drills={"broker-loss": 5}))
    assert ended == End("3 drills in a row failed, the last one said: error: the hub did not start", True)


def test_an_unfit_machine_is_refused(folder: Path) -> None:
    """Before the first drill it is an error; after one the night ends with what it has."""

    def unfit(_drill_s: float) -> None:
        if (folder / "done.txt").exists() or refuse:
            raise MachineTrouble("hub 7 is up")

    refuse = True
    with open_history(folder / "history.sqlite") as history:
        with pytest.raises(MachineTrouble, match="hub 7 is up"):
            run_night(night_of_fakes(folder, history, check=unfit))
        assert history.drills() == []
        refuse = False
        assert run_night(night_of_fakes(folder, history, check=unfit)) == End("hub 7 is up", True)
        assert len(history.drills()) == 1


def test_a_stop_ends_the_running_drill_and_leaves_it_to_be_done(folder: Path) -> None:
    """What a person's interrupt raises passes; the drill's process is gone, its entry still says running."""
    (folder / "plan.json").write_text(json.dumps({"broker-loss 1": "hangs"}))

    stops: list[int] = []

    def stop(signum: int, frame: object) -> None:
        if (folder / "hanging").exists() and not stops:
            stops.append(signum)
            raise Stopped("enough")

    previous = signal.signal(signal.SIGALRM, stop)
    try:
        with open_history(folder / "history.sqlite") as history:
            signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
            with pytest.raises(Stopped, match="enough"):
                run_night(night_of_fakes(folder, history))
            assert [drill.state for drill in history.drills()] == [RUNNING]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, previous)
    hanging = int(wait_for(folder / "hanging"))
    with pytest.raises(ProcessLookupError):
        os.kill(hanging, 0)


class EndsWhenADrillRuns:
    """A guard whose condition holds as soon as a drill hangs."""

    def __init__(self, folder: Path) -> None:
        """Look at a folder of fakes."""
        self.hanging = folder / "hanging"

    def look(self, run: Path | None) -> None:
        """Raise Stopped while a fake hangs; it has no run."""
        assert run is None
        if self.hanging.exists():
            raise Stopped("stop condition alert NodeNotReady: 1")


def test_a_stop_condition_ends_the_running_drill(folder: Path) -> None:
    """The drill is told to end, its entry still says running; on a cluster a drill that just dies is no undo."""
    (folder / "plan.json").write_text(json.dumps({"broker-loss 1": "hangs"}))
    with open_history(folder / "history.sqlite") as history:
        night = night_of_fakes(folder, history, guard=EndsWhenADrillRuns(folder))
        with pytest.raises(Stopped, match="NodeNotReady"):
            run_night(night)
        assert [drill.state for drill in history.drills()] == [RUNNING]
        (folder / "hanging").unlink()
        cluster = replace(night, suite=replace(night.suite, target="kubernetes"))
        with pytest.raises(UndoUnverified, match="NodeNotReady: 1; the drill ended with -15: see"):
            run_night(cluster)


def test_a_drill_on_a_cluster_that_may_have_left_something_broken_ends_the_night(folder: Path) -> None:
    """Killed: nobody undid its fault, so no other drill is done there; an embedded hub is simply made anew."""
    (folder / "plan.json").write_text(json.dumps({"broker-loss 1": "dies"}))
    with open_history(folder / "history.sqlite") as history:
        night = night_of_fakes(folder, history, drills={"broker-loss": 2})
        with pytest.raises(UndoUnverified, match="broker-loss seed 2026031401 killed"):
            run_night(replace(night, suite=replace(night.suite, target="kubernetes")))
        assert [(drill.state, drill.target) for drill in history.drills()] == [(KILLED, "kubernetes")]
        assert run_night(night) == End()


def earlier(scenario: str, spread: float, observed: float = 10.0) -> NightDrill:
    """Return an earlier drill whose primary metric was predicted around 10 s."""
    row = night_metric(metric(observed, percentiles(10.0, spread)), None)
    drill = NightDrill("s", "2026-03-01", scenario, 1, 1, 0.0, DONE, 90.0, 0)
    return replace(drill, metrics=(row,))


def test_the_most_informative_drills_come_first() -> None:
    """Unknown scenarios, then a large miss, then wide intervals; every scenario once before any twice."""
    suite = Suite("s", "S", 3600.0, 21, {"narrow": 2, "wide": 1, "missed": 2, "unknown": 1})
    known = [earlier("narrow", 1.0), earlier("wide", 4.0), earlier("missed", 1.0, 25.0)]
    planned = plan(suite, NIGHT, known)
    names = [f"{each.scenario} {each.repeat}" for each in planned]
    assert names == ["unknown 1", "missed 1", "wide 1", "narrow 1", "missed 2", "narrow 2"]
    assert [planned[0].seed, planned[-1].seed] == [2026031401, 2026031402]
    assert [planned[0].expected_s, planned[1].expected_s] == [240.0, 90.0]
