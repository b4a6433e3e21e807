"""Parts of the drill that are pure: steadiness, journals, moments, series, the index of runs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.model_cases import a_kraft_topology, a_topology
from workbench.compare.verdicts import BROKEN, NOT_WHOLE
from workbench.drill.afterwards import samples_of
from workbench.drill.checks import longest_gap_s
from workbench.drill.experiment import read_outcome
from workbench.drill.recovery import Recovery
from workbench.drill.run_up import longest_undisturbed
from workbench.drill.series import noise_floor, summarize_series
from workbench.drill.steady import Window, problems
from workbench.drill.stopping import not_whole
from workbench.fault import Part
from workbench.observe.moments import deregistered_s, isr_full_s, leaders_moved_s, registered_s, registering_start_s
from workbench.records import timeline
from workbench.records.folder import RunFolder
from workbench.records.runs_index import enter, read_index
from workbench.target.port import ProcessStart, Victim


def test_a_calm_hub_is_steady() -> None:
    """Acknowledged as planned, nothing failed, full redundancy, a flat backlog."""
    flat = [(0.25 * index, 20.0 + index % 3) for index in range(60)]
    assert problems([Window(1500, 1499, 0)] * 3, 0, flat) == []


def test_a_hub_that_wavers_is_steady_and_one_that_falls_behind_is_not() -> None:
    """A rise of 100 events in 15 s at 300/s is wavering; one of 150 (3.3 % of the load) will never end."""
    rising = [[(0.25 * index, share * index / 60.0 + index % 3) for index in range(60)] for share in (100.0, 150.0)]
    windows = [Window(1500, 1500, 0)] * 3
    assert problems(windows, 0, rising[0]) == []
    assert problems(windows, 0, rising[1])


@pytest.mark.parametrize(
    ("window", "short", "slope", "word"),
    [
        (Window(1500, 1400, 0), 0, 0.0, "acknowledged"),
        (Window(1500, 1500, 1), 0, 0.0, "failed"),
        (Window(1500, 1500, 0), 2, 0.0, "replica"),
        (Window(1500, 1500, 0), 0, 20.0, "backlog"),
    ],
)
def test_each_reason_of_unsteadiness_is_named(window: Window, short: int, slope: float, word: str) -> None:
    """Every one of the four conditions alone makes the hub unsteady."""
    backlog = [(0.25 * index, 20.0 + slope * 0.25 * index + index % 3) for index in range(60)]
    found = problems([Window(1500, 1500, 0), window, Window(1500, 1500, 0)], short, backlog)
    assert len(found) == 1
    assert word in found[0]


def journal(path: Path, **changes: Any) -> Path:
    """Write a journal as Chaos Toolkit writes it, with some parts changed."""
    action = {"activity": {"type": "action", "name": "break"}, "status": "succeeded", "output": {}}
    probe = {"activity": {"type": "probe", "name": "recovered"}, "status": "succeeded", "output": True}
    undo = {"activity": {"type": "action", "name": "undo"}, "status": "succeeded", "output": {}}
    content = {
        "status": "completed",
        "steady_states": {"before": {"steady_state_met": True}},
        "run": [action, probe],
        "rollbacks": [undo],
        **changes,
    }
    path.write_bytes(orjson.dumps(content))
    return path


def test_a_clean_journal_has_no_problem(tmp_path: Path) -> None:
    """Injected, recovered, undone."""
    outcome = read_outcome(journal(tmp_path / "journal.json"))
    assert (outcome.baseline_met, outcome.injected, outcome.recovered, outcome.undone) == (True,) * 4
    assert outcome.problems == ()


def test_what_chaos_toolkit_calls_completed_is_still_a_problem(tmp_path: Path) -> None:
    """A failed injection and an unmet baseline leave status completed; each is named. So does a failed rollback.

    That one says nothing against the numbers: a hub that did not come back is what was to be found out.
    """
    failed = {"activity": {"type": "action", "name": "break"}, "status": "failed", "exception": ["no such broker\n"]}
    outcome = read_outcome(journal(tmp_path / "a.json", run=[failed]))
    assert not outcome.injected
    assert outcome.problems == ("break: no such broker",)
    outcome = read_outcome(journal(tmp_path / "b.json", rollbacks=[failed]))
    assert (outcome.undone, outcome.problems) == (False, ())
    unmet = {"before": {"steady_state_met": False}}
    outcome = read_outcome(journal(tmp_path / "c.json", steady_states=unmet, run=[]))
    assert not outcome.baseline_met
    assert len(outcome.problems) == 2


def test_a_probe_that_broke_off_is_a_problem_and_one_that_says_no_is_not(tmp_path: Path) -> None:
    """The first one undid the fault too early; the second waited for as long as it should."""
    done = {"activity": {"type": "action", "name": "break"}, "status": "succeeded"}
    probe = {"activity": {"type": "probe", "name": "recovered"}}
    broke_off = {**probe, "status": "failed", "exception": ["no answer\n"]}
    outcome = read_outcome(journal(tmp_path / "a.json", run=[done, broke_off]))
    assert (outcome.recovered, outcome.problems) == (False, ("recovered: no answer",))
    says_no = {**probe, "status": "succeeded", "output": False}
    outcome = read_outcome(journal(tmp_path / "b.json", run=[done, says_no]))
    assert (outcome.recovered, outcome.problems) == (False, ())


def test_a_missing_journal_is_a_problem(tmp_path: Path) -> None:
    """Chaos Toolkit killed: no journal, nothing proved."""
    assert read_outcome(tmp_path / "none.json").problems


def test_moments_are_read_from_samples() -> None:
    """Registration, leaders and in-sync replica sets each give their instant; blind samples are passed over."""
    brokers = [{"t": t, "registered": [0, 2] if 15.0 <= t < 30.0 else [0, 1, 2]} for t in range(40)]
    brokers.insert(3, {"t": 2.5, "blind": "timed out"})
    partitions = [
        {"t": t, "led_by": {"0": 3, "1": 0 if t >= 16 else 2}, "short": 0 if t < 15 or t >= 33 else 6}
        for t in range(40)
    ]
    assert deregistered_s(brokers, 1, 0.0) == 15.0
    assert registered_s(brokers, 1, 15.0) == 30.0
    assert leaders_moved_s(partitions, 1, 0.0) == 16.0
    assert isr_full_s(partitions, 30.0) == 33.0
    assert math.isnan(isr_full_s(partitions[:33], 30.0))
    starts = [
        ProcessStart(1, -60.0, 0.0, "SIGKILL"),
        ProcessStart(2, 1.0, 5.0, "exit 1"),
        ProcessStart(3, 25.0, math.nan, ""),
    ]
    assert registering_start_s(starts, 0.0, 30.0) == 25.0


def machine_samples(*stolen_s: int) -> list[dict[str, float]]:
    """Return a minute of samples, a second apart; the seconds that end at `stolen_s` were half taken away."""
    return [{"t": float(t), "steal_percent": 50.0 if t in stolen_s else 0.2} for t in range(61)]


@pytest.mark.parametrize(
    ("stolen_s", "part"),
    [
        ((), (10.0, 40.0)),
        ((12, 13, 30), (13.0, 29.0)),
        ((41,), (10.0, 40.0)),  # the second after it tells of its last second at most
        (tuple(range(0, 60, 2)), (10.0, 40.0)),  # nowhere 3 s on end: the whole
    ],
)
def test_the_drain_is_measured_where_no_time_was_stolen(stolen_s: tuple[int, ...], part: tuple[float, float]) -> None:
    """The longest undisturbed part, or all of it."""
    assert longest_undisturbed(machine_samples(*stolen_s), 10.0, 40.0) == part


class ABacklog:
    """A live view whose backlog is set by the test; the broker is gone, its leaders have moved."""

    backlog = 0.0

    def backlog_events(self) -> float:
        """Return the backlog."""
        return self.backlog

    def lag_records(self) -> float:
        """Return that no record waits."""
        return 0.0

    def registered(self, _broker: int) -> bool:
        """Return that the broker is gone."""
        return False

    def led_by(self, _broker: int) -> int:
        """Return that it leads nothing."""
        return 0


@pytest.mark.parametrize(
    ("above", "usual", "drained"), [(0.0, 30.0, True), (0.2, 30.0, True), (0.5, 30.0, False), (0.0, 38.0, False)]
)
def test_watching_ends_when_the_backlog_is_mostly_inside_the_calm_one(
    above: float, usual: float, drained: bool
) -> None:
    """Not while half of the looks are above it, nor while all are in its upper part: that is a backlog as well."""
    live = ABacklog()
    victim = Victim("kafka-1", "worker-2", 4711, broker=1)
    recovery = Recovery(live, a_topology(), Part.BROKER, victim, 0.0, (35.0, 40.0), returns=False)  # type: ignore[arg-type]
    for look in range(80):
        live.backlog = 50.0 if look % 10 < 10 * above else usual
        recovery.update(0.25 * look)
    assert recovery.complete is drained


def test_where_events_may_be_lost_the_records_that_wait_are_watched() -> None:
    """Acknowledged and lost events never get a row: sent less committed would never be calm again."""
    live = ABacklog()
    live.backlog = 700.0
    victim = Victim("kafka-1", "worker-2", 4711, broker=1)
    recovery = Recovery(live, a_topology(), Part.BROKER, victim, 0.0, (35.0, 40.0), returns=False, may_lose=True)  # type: ignore[arg-type]
    for look in range(80):
        recovery.update(0.25 * look)
    assert recovery.complete


# What the ZooKeeper servers say, one after another, and which mark that sets.
ENSEMBLE: list[tuple[str, dict[str, Any]]] = [
    ("zookeeper-leads", {"leader": 2, "serving": [1, 2], "server_of_broker": {"0": -1}}),
    ("broker-sessions", {"leader": 2, "serving": [1, 2], "server_of_broker": {"0": 1}}),
    ("zookeeper-whole", {"leader": 2, "serving": [1, 2, 3], "server_of_broker": {"0": 1}}),
]


NODE_RETURNS: list[tuple[str, dict[str, Any]]] = [
    ("group-whole", {"assigned": 6}),
    ("standbys-connected", {"standbys": 2}),
    ("zookeeper-whole", {"zookeeper": ENSEMBLE[-1][1]}),
    ("broker-deregistered", {"registered": False}),
    ("leaders-moved", {"led_by": 0}),
    ("broker-registered", {"registered": True}),
    ("isr-full", {"short": 0}),
]


KRAFT_NODE_RETURNS: list[tuple[str, dict[str, Any]]] = [
    ("controllers-whole", {"zookeeper": {"leader": 4, "serving": [3, 4, 5], "server_of_broker": {}}}),
    *(each for each in NODE_RETURNS if each[0] != "zookeeper-whole"),
]


class ALiveHub:
    """A live view of a hub whose parts are set by the test; the backlog is calm."""

    def __init__(self) -> None:
        self.back: dict[str, Any] = {"assigned": 0, "standbys": None, "redis": False, "pending": 9, "zookeeper": {}}
        self.back |= {"registered": True, "led_by": 8, "short": 24}

    def backlog_events(self) -> float:
        """Return a calm backlog."""
        return 10.0

    def assigned_partitions(self, _asked_s: float) -> int:
        """Return how many partitions the processors hold."""
        return int(self.back["assigned"])

    def standbys(self, _asked_s: float) -> int | None:
        """Return how many standbys are connected."""
        return self.back["standbys"]

    def redis_answers(self, _asked_s: float) -> bool:
        """Tell whether Redis answers."""
        return bool(self.back["redis"])

    def registered(self, _broker: int) -> bool:
        """Tell whether the broker is registered."""
        return bool(self.back["registered"])

    def led_by(self, broker: int) -> int:
        """Return how many partitions it leads; everyone has a leader."""
        return int(self.back["led_by"]) if broker >= 0 else 0

    def short_partitions(self) -> int:
        """Return how many in-sync sets are short."""
        return int(self.back["short"])

    def zookeeper(self, _asked_s: float) -> dict[str, Any]:
        """Return what the ZooKeeper servers say."""
        return dict(self.back["zookeeper"])

    def pending_states(self, _asked_s: float) -> int:
        """Return how many states Redis has yet to take."""
        return int(self.back["pending"])


def test_a_nodes_controller_comes_back_in_zookeepers_place() -> None:
    """In KRaft mode: everything else as with ZooKeeper."""
    live = ALiveHub()
    victim = Victim("x", "n", 1, broker=1)
    recovery = Recovery(live, a_kraft_topology(), Part.NODE, victim, 0.0, (35.0, 40.0), returns=True)  # type: ignore[arg-type]
    assert recovery.update(1.0) == []
    for look, (name, values) in enumerate(KRAFT_NODE_RETURNS):
        live.back.update(values)
        assert recovery.update(2.0 + look) == [name]


@pytest.mark.parametrize(
    ("part", "back"),
    [
        (Part.PROCESSOR, [("group-whole", {"assigned": 6})]),
        (Part.POSTGRES, [("postgres-writes", {"standbys": 0}), ("standbys-connected", {"standbys": 2})]),
        (Part.POSTGRES_FAILOVER, [("postgres-writes", {"standbys": 0}), ("standbys-connected", {"standbys": 2})]),
        (Part.POSTGRES_BACKEND, [("postgres-writes", {"standbys": 0}), ("standbys-connected", {"standbys": 2})]),
        (Part.REDIS, [("redis-answers", {"redis": True}), ("states-current", {"pending": 0})]),
        (Part.ZOOKEEPER, [(mark, {"zookeeper": seen}) for mark, seen in ENSEMBLE]),
        (Part.NODE, NODE_RETURNS),
    ],
)
def test_each_part_has_its_own_way_back(part: Part, back: list[tuple[str, dict[str, Any]]]) -> None:
    """Its conditions are ticked off as they come true; the backlog counts as calm only from the first one on."""
    live = ALiveHub()
    victim = Victim("x", "n", 1, broker=1)
    recovery = Recovery(live, a_topology(), part, victim, 0.0, (35.0, 40.0), returns=True)  # type: ignore[arg-type]
    for look in range(60):
        assert recovery.update(0.25 * look) == []
    now_s = 15.0
    for name, values in back:
        live.back.update(values)
        now_s += 0.25
        assert recovery.update(now_s) == [name]
    while not recovery.complete and now_s < 60.0:
        now_s += 0.25
        recovery.update(now_s)
    assert recovery.marks["backlog-drained"] == pytest.approx(23.25, abs=0.5)


def test_a_blind_probe_is_a_gap() -> None:
    """The longest stretch without an answer counts from the window's own edges too."""
    samples = [{"t": 1.0}, {"t": 2.0, "blind": "x"}, {"t": 6.0}]
    assert longest_gap_s(samples, 0.0, 7.0) == 5.0
    assert longest_gap_s([], 0.0, 7.0) == 7.0


def test_the_timeline_survives_a_torn_last_line(tmp_path: Path) -> None:
    """A line cut short by a crash is left out; the others are read."""
    path = tmp_path / "timeline.jsonl"
    timeline.append(path, "sealed", 2.0, sha256="ab")
    timeline.append(path, "preflight", 1.0)
    with path.open("ab") as file:
        file.write(b'{"t": 3.0, "kind": "fau')
    assert [entry.kind for entry in timeline.read(path)] == ["preflight", "sealed"]


def test_every_sealed_run_stays_in_the_index(tmp_path: Path) -> None:
    """A run whose folder was removed is still listed, as gone."""
    enter(tmp_path, "r1", "broker-loss", 1, 5.0, "aa", tmp_path / "broker-loss" / "r1")
    folder = tmp_path / "broker-loss" / "r2"
    folder.mkdir(parents=True)
    (folder / "run.json").write_bytes(orjson.dumps({"complete": False}))
    enter(tmp_path, "r2", "broker-loss", 2, 6.0, "bb", folder)
    assert [(run.run_id, run.state) for run in read_index(tmp_path)] == [("r1", "gone"), ("r2", "incomplete")]


def test_repeats_give_a_noise_floor() -> None:
    """More spread means a larger floor; one value has none."""
    assert math.isnan(noise_floor([15.0], "x"))
    assert noise_floor([15.0, 15.1, 15.2, 14.9], "x") < noise_floor([15.0, 18.0, 12.0, 16.0], "x")
    row = {
        "name": "kafka_unavailable_s",
        "unit": "s",
        "observed": 15.0,
        "inside_90": True,
        "predicted": {"median": 16.0, "interval_90": [13.0, 19.0]},
    }
    series = summarize_series([{"metrics": [row]}, {"metrics": [{**row, "observed": 17.0}]}])
    assert series["kafka_unavailable_s"]["observed_median"] == 16.0
    assert series["kafka_unavailable_s"]["inside_90"] == 2


def test_what_may_be_blind_is_read_all_the_same(tmp_path: Path) -> None:
    """Without a quorum nobody can tell which brokers are registered; afterwards that is what was asked for."""
    folder = RunFolder(tmp_path)
    folder.observed.mkdir()
    for name in ("brokers", "partitions", "processors", "zookeeper"):
        (folder.observed / f"{name}.jsonl").write_bytes(b'{"t": 1.0}\n')
    assert {name: len(rows) for name, rows in samples_of(folder, Part.QUORUM).items()} == {
        "brokers": 1, "partitions": 1, "processors": 1, "zookeeper": 1,
    }  # fmt: skip
    assert set(samples_of(folder, Part.BROKER)) == {"brokers", "partitions", "processors"}


def test_a_hub_that_stays_may_be_broken_and_one_of_the_drills_own_is_gone() -> None:
    """Both did not become whole; only the first one is there for somebody to mend."""
    assert not_whole("kafka-1 not running", was_up=True).word == BROKEN
    gone = not_whole("kafka-1 not running", was_up=False)
    assert gone.word == NOT_WHOLE
    assert "kafka-1 not running" in gone.sentence
