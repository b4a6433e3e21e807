"""Stop conditions: what ends a night, and what does not. Prometheus' answers here are written down, over real HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.prometheus_answers import BAD_QUERY, alert, answering, vector
from workbench.errors import Stopped, ToolFailed
from workbench.load.write_log import WriteLog
from workbench.nightly.guard import ASK_EVERY_S, HubGuard, found_by
from workbench.records.writes import Outcome
from workbench.scenario import StopConditions

DISK = "free < bool 0.1"
FIRING = 'ALERTS{alertname="NodeNotReady",alertstate="firing"}'


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.now_s = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


@pytest.fixture
def answers() -> dict[str, Any]:
    """Return what Prometheus answers, by query."""
    return {}


@pytest.fixture
def stop(answers: dict[str, Any]) -> Iterator[StopConditions]:
    """Return conditions that ask a server with these answers."""
    with answering(answers) as address:
        yield StopConditions(address, ("NodeNotReady",), {"disk": DISK}, 10.0, 0.5, 20.0, 0, 6.0, 15.0)


def looks(guard: HubGuard, clock: Clock, seconds: float, run: Path | None = None) -> None:
    """Look as often as a night does, for so long by the clock."""
    end_s = clock.now_s + seconds
    while clock.now_s < end_s:
        guard.look(run)
        clock.now_s += ASK_EVERY_S


def test_a_quiet_hub_is_left_alone(stop: StopConditions) -> None:
    """No alert, no sample, no drill: nothing for a long time."""
    clock = Clock()
    looks(HubGuard(stop, clock), clock, 600.0)


def test_an_alert_that_fires_ends_the_night_at_once(stop: StopConditions, answers: dict[str, Any]) -> None:
    """Its labels are in the reason; alerts have a `for` of their own, so nothing more is waited for."""
    clock = Clock()
    guard = HubGuard(stop, clock)
    looks(guard, clock, 10.0)
    answers[FIRING] = alert("NodeNotReady", node="worker-1")
    with pytest.raises(Stopped, match=r"stop condition alert NodeNotReady: 1 .*node=worker-1"):
        looks(guard, clock, ASK_EVERY_S)


def test_a_query_has_to_hold(stop: StopConditions, answers: dict[str, Any]) -> None:
    """Eight seconds of ten are not enough, nor are two times eight; a sample of 0 does not hold."""
    clock = Clock()
    guard = HubGuard(stop, clock)
    for _ in range(2):
        answers[DISK] = vector(({"volume": "data"}, "1"))
        looks(guard, clock, 8.0)
        answers[DISK] = vector(({"volume": "data"}, "0"))
        looks(guard, clock, 8.0)
    answers[DISK] = vector(({"volume": "data"}, "1"), ({"volume": "log"}, "1"))
    with pytest.raises(Stopped, match=r"query disk: 1 \(volume=data\) and 1 more"):
        looks(guard, clock, 12.0)


@pytest.mark.parametrize("answer", ["<html>502</html>", BAD_QUERY, {"status": "success"}])
def test_nobody_drills_blind(stop: StopConditions, answers: dict[str, Any], answer: Any) -> None:
    """Not Prometheus' answer, a refused query, half an answer: after the time that is allowed the night ends."""
    clock = Clock()
    guard = HubGuard(stop, clock)
    looks(guard, clock, ASK_EVERY_S)
    answers[DISK] = answer
    looks(guard, clock, 12.0)
    with pytest.raises(Stopped, match=r"query disk: not read for 1[56] s"):
        looks(guard, clock, 4.0)


def test_nothing_begins_before_every_condition_was_read(stop: StopConditions, answers: dict[str, Any]) -> None:
    """Nobody listens at the address, or one query is refused: the first look says so."""
    gone = HubGuard(replace(stop, prometheus="http://127.0.0.1:9"))
    with pytest.raises(Stopped, match="alert NodeNotReady: cannot be read, so nothing was begun"):
        gone.look(None)
    answers[DISK] = BAD_QUERY
    with pytest.raises(Stopped, match="query disk: cannot be read, so nothing was begun"):
        HubGuard(stop).look(None)


def drilling(folder: Path) -> WriteLog:
    """Make a run's folder whose load has begun, and return its first producer's log."""
    for name in ("ledger", "load", "observed"):
        (folder / name).mkdir()
    return WriteLog(folder / "ledger", 1)


def observed(folder: Path, below: int) -> None:
    """Append what the drill's collector saw just now, behind a line of before."""
    with (folder / "observed" / "partitions.jsonl").open("a") as file:
        for sample in ({"blind": "no broker answers"}, {"below": below, "short": below}):
            file.write(json.dumps({"t": time.time(), **sample}) + "\n")


def sent(log: WriteLog, first: int, acknowledged: int) -> int:
    """Note ten writes, so many of them acknowledged; return the next one's number."""
    for number in range(first, first + 10):
        log.sent(number, 0, 0, 1.0, 2.0)
        if number < first + acknowledged:
            log.answered(number, Outcome.OK, 0, 0, number, 2.5)
    log.flush()
    return first + 10


def test_too_few_acknowledgements_end_the_night(stop: StopConditions, tmp_path: Path) -> None:
    """All acknowledged for a minute, then none: below a half of the last 20 s after more than 10 s."""
    clock, log, number = Clock(), drilling(tmp_path), 0
    guard = HubGuard(stop, clock)
    for _ in range(30):
        observed(tmp_path, 0)
        number = sent(log, number, 10)
        looks(guard, clock, ASK_EVERY_S, tmp_path)
    quiet_s = clock.now_s
    with pytest.raises(Stopped, match=r"acknowledged events: 4\d% of 20 s, at least 50% needed"):
        while clock.now_s < quiet_s + 60.0:
            observed(tmp_path, 0)
            number = sent(log, number, 0)
            looks(guard, clock, ASK_EVERY_S, tmp_path)
    assert clock.now_s - quiet_s == pytest.approx(10.0, abs=2.0)
    log.close()


def test_partitions_below_min_isr_end_the_night(stop: StopConditions, tmp_path: Path) -> None:
    """One is too many where none is allowed, after the seconds that it may last; the drill's end is its own affair."""
    clock, log, number = Clock(), drilling(tmp_path), 0
    guard = HubGuard(stop, clock)
    with pytest.raises(Stopped, match="partitions below min ISR: 1, at most 0 allowed"):
        for _ in range(5):
            observed(tmp_path, 1)
            number = sent(log, number, 10)
            looks(guard, clock, ASK_EVERY_S, tmp_path)
    assert clock.now_s == pytest.approx(6.0)
    (tmp_path / "load" / "stop.json").write_text("{}")
    looks(HubGuard(stop, clock), clock, 60.0, tmp_path)
    log.close()


def test_a_drill_that_cannot_be_watched_ends(stop: StopConditions, tmp_path: Path) -> None:
    """Its load has begun, its collector writes nothing, and nothing more is sent."""
    clock, log = Clock(), drilling(tmp_path)
    sent(log, 0, 10)
    with pytest.raises(Stopped, match="not read for"):
        looks(HubGuard(stop, clock), clock, 30.0, tmp_path)
    log.close()


def test_answers_are_read_strictly() -> None:
    """A scalar counts, a matrix or a text is no answer; NaN is not 0, so it holds."""
    scalar = {"status": "success", "data": {"resultType": "scalar", "result": [1.0, "2"]}}
    assert found_by(200, json.dumps(scalar).encode()) == "2"
    assert found_by(200, json.dumps(vector(({}, "NaN"))).encode()) == "NaN"
    matrix = {"status": "success", "data": {"resultType": "matrix", "result": []}}
    for status, data in ((200, json.dumps(matrix)), (200, "[]"), (200, "3"), (503, json.dumps(scalar))):
        with pytest.raises(ToolFailed):
            found_by(status, data.encode())
