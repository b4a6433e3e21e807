"""The history's file: what goes in comes out, and no damage, newer version or second writer changes it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.reference_records import metric, percentiles, record
from workbench.cli import main
from workbench.errors import BadInput, MachineTrouble
from workbench.nightly import import_records
from workbench.nightly.outcome import scenario_now
from workbench.records.history import MIGRATIONS, open_history
from workbench.records.night_drill import DONE, IMPORTED, NightDrill, night_metric
from workbench.records.reference import ReferenceMetric, write_record

NIGHT = "2026-03-14"
NOT_SEEN = ReferenceMetric("isr_full_s", "s", "metric", True, 0.25, (), {}, None, 180.0, None, None)
ROWS = (night_metric(metric(9.5, percentiles(10.0, 4.0), kept=True), 30.0), night_metric(NOT_SEEN, None))
DRILL = NightDrill(
    "s", NIGHT, "broker-loss", 1, 7, 100.0, DONE, 300.0, 1, "run-7", "PASS", "FAIL", True, "why", "kubernetes", "c",
    "q", "m", "c0ffee", "k", 2, "Linux", {"Kafka": "3.7.1"}, 1.5, "runs/7", ROWS,
)  # fmt: skip
SECOND = (*MIGRATIONS, "ALTER TABLE nights ADD COLUMN note TEXT;")


def write(path: Path, *drills: NightDrill) -> bytes:
    """Write a history and return its file's bytes."""
    with open_history(path) as history:
        history.begin_night("s", NIGHT, 100.0)
        history.put(*drills)
    return path.read_bytes()


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    """Every field of a drill and of its metrics; the file alone is whole, and plain SQL finds the quantiles."""
    path = tmp_path / "a history.sqlite"
    write(path, DRILL)
    assert not path.with_name(path.name + "-wal").exists()
    with open_history(path) as history:
        assert history.drills() == [DRILL]
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT value FROM predicted WHERE percent = 50").fetchall()
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    assert found == [(10.0,)]


def test_a_drill_is_counted_once(tmp_path: Path) -> None:
    """The same key takes the place of the earlier entry, metrics included; a run cannot stand under two keys."""
    path = tmp_path / "history.sqlite"
    with open_history(path) as history:
        history.begin_night("s", NIGHT, 100.0)
        history.put(replace(DRILL, exit_code=3))
        history.put(DRILL)
        with pytest.raises(BadInput):
            history.put(replace(DRILL, repeat=2), replace(DRILL, repeat=3, run_id="run-8"))
        assert history.drills() == [DRILL]


def test_a_file_is_whole_while_it_is_open_and_readers_are_served(tmp_path: Path) -> None:
    """After each entry the file alone has it, also for a reader that came before."""
    path = tmp_path / "history.sqlite"
    with open_history(path) as history:
        history.begin_night("s", NIGHT, 100.0)
        with closing(sqlite3.connect(path)) as reader:
            assert reader.execute("SELECT count(*) FROM drills").fetchone() == (0,)
            history.put(DRILL)
            assert reader.execute("SELECT count(*) FROM drills").fetchone() == (1,)
        copy = tmp_path / "copy.sqlite"
        copy.write_bytes(path.read_bytes())
        with closing(sqlite3.connect(copy)) as reader:
            assert reader.execute("SELECT count(*) FROM metrics").fetchone() == (2,)


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    """Another night is told to wait; a writer that is none of ours makes us say that the file is locked."""
    path = tmp_path / "history.sqlite"
    write(path)
    with open_history(path), pytest.raises(MachineTrouble, match="another night"), open_history(path):
        pass


def test_a_locked_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A foreign program holds it: an error that says so, and nothing changed."""
    monkeypatch.setattr("workbench.records.history.BUSY_TIMEOUT_S", 0.1)
    path = tmp_path / "history.sqlite"
    write(path, DRILL)
    with closing(sqlite3.connect(path)) as other, open_history(path) as history:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(MachineTrouble, match=r"locked; nothing was changed"):
            history.put(replace(DRILL, exit_code=0))
        other.rollback()
        assert history.drills() == [DRILL]


def test_a_newer_schema_is_left_alone(tmp_path: Path) -> None:
    """The message says what to do; the file keeps its bytes."""
    path = tmp_path / "history.sqlite"
    write(path, DRILL)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(BadInput, match="schema version 99"), open_history(path):
        pass
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", ["text", "cut", "scrambled", "foreign"])
def test_a_damaged_file_is_left_alone(tmp_path: Path, damage: str) -> None:
    """Text, half a database, a scrambled page, another program's database: told apart from a history, not touched."""
    path = tmp_path / "history.sqlite"
    data = write(path, *(replace(DRILL, repeat=number, run_id=str(number)) for number in range(20)))
    if damage == "foreign":
        path.unlink()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE songs (name TEXT)")
            connection.commit()
        before = path.read_bytes()
    else:
        scrambled = data[:4096] + b"\xff" * (len(data) - 4096)
        before = {"text": b"no database, only words\n" * 100, "cut": data[: len(data) // 2], "scrambled": scrambled}[
            damage
        ]
        path.write_bytes(before)
    with pytest.raises(BadInput, match=r"damaged|something else"), open_history(path):
        pass
    assert path.read_bytes() == before


def test_a_migration_keeps_a_copy(tmp_path: Path) -> None:
    """The old file stands beside the new one; all drills are in both."""
    path = tmp_path / "history.sqlite"
    write(path, DRILL)
    with open_history(path, SECOND) as history:
        assert history.drills() == [DRILL]
    now = len(MIGRATIONS)
    with closing(sqlite3.connect(path)) as new, closing(sqlite3.connect(f"{path}.v{now}")) as old:
        assert new.execute("PRAGMA user_version").fetchone() == (now + 1,)
        assert old.execute("PRAGMA user_version").fetchone() == (now,)
        assert new.execute("SELECT note FROM nights").fetchall() == [(None,)]
        assert old.execute("SELECT run_id FROM drills").fetchall() == [("run-7",)]


def test_a_history_of_version_1_is_taken_over(tmp_path: Path) -> None:
    """Its drills were an embedded hub's; what they asked is told by the scenario of today that is theirs, or nobody."""
    path = tmp_path / "history.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"{MIGRATIONS[0]} PRAGMA user_version = 1;")
        connection.execute("INSERT INTO nights (suite, night, started_s) VALUES ('s', ?, 1.0)", (NIGHT,))
        now = scenario_now("broker-loss")
        assert now is not None
        for repeat, configuration in enumerate((now.configuration, "gone"), 1):
            connection.execute(
                "INSERT INTO drills VALUES (NULL, 's', ?, 'broker-loss', ?, 1, ?, 'done', 9.0, 0, NULL, 'PASS', 'PASS',"
                " 1, '', ?, 'c0ffee', 2, 'Linux', '{}', NULL, '')",
                (NIGHT, repeat, float(repeat), configuration),
            )
        connection.commit()
    with open_history(path) as history:
        assert [(each.target, each.question, each.calibration) for each in history.drills()] == [("local", "", "")] * 2
        assert import_records(history, []) == []
        told, unknown = history.drills()
    assert (told.question, told.manifests) == (now.question, now.manifests)
    assert (unknown.question, unknown.manifests) == ("", "")
    with closing(sqlite3.connect(f"{path}.v1")) as old:
        assert old.execute("PRAGMA user_version").fetchone() == (1,)
        assert old.execute("SELECT count(*) FROM drills").fetchone() == (2,)


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    """Its first half is undone and the version stays."""
    path = tmp_path / "history.sqlite"
    write(path, DRILL)
    broken = (*MIGRATIONS, "ALTER TABLE nights ADD COLUMN note TEXT; ALTER TABLE nowhere ADD COLUMN note TEXT;")
    with pytest.raises(MachineTrouble, match="nowhere"), open_history(path, broken):
        pass
    with open_history(path) as history:
        assert history.drills() == [DRILL]


def test_reference_records_are_imported_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By day and scenario, unscored ones as inconclusive; again, nothing is added."""
    rows = metric(10.2, percentiles(10.0, 4.0))
    records = [record(1, rows), record(2, rows), replace(record(90_000, unscored="probes saw it all"), metrics=())]
    for each in records:
        write_record(tmp_path / "records", each)
    path = tmp_path / "history.sqlite"
    arguments = ["nightly", "import", "--reference", str(tmp_path / "records"), "--history", str(path)]
    for said in ("3 of 3", "0 of 3"):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 0
        assert said in capsys.readouterr().out
    with open_history(path) as history:
        found = history.drills()
        assert import_records(history, records) == []
    assert [drill.key for drill in found] == [
        (IMPORTED, "1969-12-31", "sample", 1),
        (IMPORTED, "1969-12-31", "sample", 2),
        (IMPORTED, "1970-01-01", "sample", 1),
    ]
    assert [(drill.exit_code, drill.reason) for drill in found] == [(0, ""), (0, ""), (4, "probes saw it all")]
    assert found[0].metrics == (night_metric(rows, None),)
