"""One night: drills one after another within a budget of time, each a process; killed half-way, it goes on.

What is counted once: (suite, night, scenario, repeat). A drill is entered as running before it starts and as ended
after it has, so a night that is started again knows which one it was killed in.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from workbench.errors import EXIT_MACHINE, EXIT_UNDO_UNVERIFIED, MachineTrouble, Stopped, UndoUnverified
from workbench.nightly.collecting import DRILL_MAX_S
from workbench.nightly.guard import Guard, Unguarded
from workbench.nightly.outcome import ended_by_itself, sealed_run, with_outcome
from workbench.nightly.plan import Planned, plan
from workbench.records.folder import RunFolder, load_json
from workbench.records.history import History
from workbench.records.night_drill import DONE, HUNG, KILLED, RUNNING, NightDrill
from workbench.scenario import Suite

DRILL: Final = (sys.executable, "-m", "workbench.cli", "drill")
END_S: Final = 120.0  # a drill that is told to stop undoes its fault and ends its hub first
WELL_AGAIN_S: Final = 120.0  # for what an ended drill leaves behind to be gone
POLL_S: Final = 0.5
TROUBLES_MAX: Final = 3  # drills in a row that a tool failed in: then the machine is the trouble


@dataclass(frozen=True)
class Night:
    """What one night needs.

    `check` raises MachineTrouble when the machine, or a cluster's hub, is not fit for a drill of so many seconds; `say`
    takes one line; `guard` raises Stopped.
    """

    suite: Suite
    night: str
    history: History
    runs: Path  # folder of the runs
    logs: Path  # folder of what the drills print
    say: Callable[[str], None]
    check: Callable[[float], None]
    command: Sequence[str] = DRILL  # before scenario, --seed and --out
    options: Sequence[str] = ()  # of the command, behind those
    guard: Guard = field(default_factory=Unguarded)
    drill_max_s: float = DRILL_MAX_S
    end_s: float = END_S
    well_again_s: float = WELL_AGAIN_S


@dataclass(frozen=True)
class End:
    """Why a night ended before all was done, "" if it did not, and whether that is the machine's or a tool's fault."""

    reason: str = ""
    trouble: bool = False


@dataclass
class Budget:
    """The night's time: what drills before a restart took is spent."""

    whole_s: float
    spent_s: float
    begun_s: float

    def left_s(self) -> float:
        """Return how much is left."""
        return self.whole_s - self.spent_s - (time.monotonic() - self.begun_s)


def run_night(night: Night) -> End:
    """Do every drill of a night that is not done and fits its budget; return how it ended.

    A drill that fails, hangs or is killed does not end it. Raises MachineTrouble when the machine is not fit at the
    start, Stopped and KeyboardInterrupt with the running drill ended and not counted, and UndoUnverified where that
    drill may have left something broken, or any drill on a cluster may.
    """
    night.logs.mkdir(parents=True, exist_ok=True)
    before = night.history.drills()
    tonight = {drill.key: drill for drill in before if (drill.suite, drill.night) == (night.suite.name, night.night)}
    done = _settle(night, tonight.values())
    _wait_until_fit(night, 0.0, night.well_again_s if tonight else 0.0)
    night.history.begin_night(night.suite.name, night.night, time.time())
    drills = plan(night.suite, night.night, [drill for drill in before if drill.key not in tonight])
    waiting = [each for each in drills if (night.suite.name, night.night, each.scenario, each.repeat) not in done]
    spent_s = sum(drill.ended_s - drill.started_s for drill in tonight.values() if drill.ended_s is not None)
    budget = Budget(night.suite.budget_s, spent_s, time.monotonic())
    night.say(f"{len(drills)} drills, {len(done)} of them done before; {_minutes(budget.left_s())} for the others")
    return _run(night, waiting, len(done), len(drills), budget)


def _run(night: Night, waiting: Sequence[Planned], done: int, total: int, budget: Budget) -> End:
    troubles = left_out = 0
    for each in waiting:
        if each.expected_s > budget.left_s() and done:
            left_out += 1  # a shorter one may still fit
            continue
        try:
            _wait_until_fit(night, each.expected_s, night.well_again_s if done else 0.0)
        except MachineTrouble as error:
            return End(str(error), trouble=True)
        done += 1
        night.say(
            f"[{done}/{total}] {each.scenario} seed {each.seed}: about {_minutes(each.expected_s)}, "
            f"{_minutes(budget.left_s())} left"
        )
        drill = _drill(night, each, budget)
        night.say(f"[{done}/{total}] {each.scenario} seed {each.seed}: {_outcome(drill)}")
        if night.suite.target != "local" and (drill.state != DONE or drill.exit_code == EXIT_UNDO_UNVERIFIED):
            raise UndoUnverified(f"{each.scenario} seed {each.seed} {_outcome(drill)}")
        troubles = troubles + 1 if drill.state != DONE or drill.exit_code == EXIT_MACHINE else 0
        if troubles == TROUBLES_MAX:
            return End(f"{troubles} drills in a row failed, the last one said: {drill.reason}", trouble=True)
    return End(f"{left_out} drills did not fit the time" if left_out else "")


def _settle(night: Night, drills: Iterable[NightDrill]) -> set[tuple[str, str, str, int]]:
    """Enter how drills ended that were running when the night was killed; return what is done with."""
    done = set()
    for drill in drills:
        if drill.state == RUNNING:
            run = sealed_run(night.runs, drill)
            code = ended_by_itself(run)
            if code is None:
                continue
            ended = replace(drill, state=DONE, exit_code=code, ended_s=drill.started_s)
            night.history.put(with_outcome(ended, run, _log(night, drill)))
        done.add(drill.key)
    return done


def _drill(night: Night, planned: Planned, budget: Budget) -> NightDrill:
    """Do one drill and enter it. It is given what is left of the budget and what a usual one takes, at most."""
    drill = NightDrill(
        night.suite.name, night.night, planned.scenario, planned.repeat, planned.seed, time.time(),
        target=night.suite.target,
    )  # fmt: skip
    night.history.put(drill)
    log = _log(night, drill)
    timeout_s = min(night.drill_max_s, max(budget.left_s(), 0.0) + planned.expected_s)
    code = _run_drill(night, drill, log, timeout_s)
    state = HUNG if code is None else KILLED if code < 0 else DONE
    ended = replace(drill, state=state, exit_code=code, ended_s=time.time())
    ended = with_outcome(ended, sealed_run(night.runs, drill), log)
    night.history.put(ended)
    return ended


def _run_drill(night: Night, drill: NightDrill, log: Path, timeout_s: float) -> int | None:
    """Return the exit code, below 0 for a signal, None for a drill that had to be ended.

    The drill is told to stop when this process dies (PR_SET_PDEATHSIG, prctl(2)): nobody would count it. A session
    of its own keeps a person's Ctrl-C from it, so that it is told once and undoes its fault in peace.
    """
    arguments = [drill.scenario, "--seed", str(drill.seed), "--out", str(night.runs), *night.options]
    with log.open("wb") as file:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *night.command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return _wait(night, drill, process, timeout_s)
        except (KeyboardInterrupt, Stopped) as error:
            night.say(f"stopping: the running drill undoes its fault first ({error or 'Ctrl-C'})")
            code = _end(process, night.end_s)
            if code == EXIT_UNDO_UNVERIFIED or (code < 0 and night.suite.target != "local"):
                raise UndoUnverified(f"{error or 'Ctrl-C'}; the drill ended with {code}: see {log}") from error
            raise
        finally:
            _end(process, night.end_s)


def _wait(night: Night, drill: NightDrill, process: subprocess.Popen[bytes], timeout_s: float) -> int | None:
    """Return a drill's exit code, None when it took too long; the guard looks on meanwhile."""
    deadline_s = time.monotonic() + timeout_s
    run: Path | None = None
    while time.monotonic() < deadline_s:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(min(POLL_S, max(0.0, deadline_s - time.monotonic())))
        run = run or _run_of(night, drill)
        night.guard.look(run)
    return None


def _run_of(night: Night, drill: NightDrill) -> Path | None:
    """Return the folder of the run that a drill has begun, None as long as it has none."""
    found = sorted((night.runs / drill.scenario).glob("*/run.json"))[-1:]
    ours = [path.parent for path in found if path.stat().st_mtime >= drill.started_s]
    return next((path for path in ours if load_json(RunFolder(path).run_json).get("seed") == drill.seed), None)


def _end(process: subprocess.Popen[bytes], end_s: float) -> int:
    """End a drill that still runs, asked first, killed when it does not answer; return its exit code."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(end_s)
    if process.poll() is None:
        process.kill()
    return process.wait()


def _wait_until_fit(night: Night, drill_s: float, timeout_s: float) -> None:
    """Wait until everything is fit for a drill of so many seconds. Raises MachineTrouble when it is not in time."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        night.guard.look(None)
        try:
            return night.check(drill_s)
        except MachineTrouble:
            if time.monotonic() >= deadline_s:
                raise
        time.sleep(POLL_S)


def _log(night: Night, drill: NightDrill) -> Path:
    return night.logs / f"{drill.scenario}-{drill.seed}.log"


def _outcome(drill: NightDrill) -> str:
    if drill.state != DONE:
        return f"{drill.state}: {drill.reason}"
    verdicts = f", resilience {drill.resilience}, prediction {drill.prediction}" if drill.resilience else ""
    return f"exit {drill.exit_code}{verdicts}" + (f": {drill.reason}" if drill.reason else "")


def _minutes(seconds: float) -> str:
    minutes = max(0, round(seconds / 60.0))
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
