"""The history of nights: one SQLite file that survives kills and readers beside it, and can be a CI artefact.

Written ahead (WAL) and flushed at every commit; after each drill the log is folded into the file, so that the file
alone is whole whenever no drill is being recorded. `user_version` is the schema's version (sqlite.org/pragma.html).
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import IO, Any, Final

from workbench.errors import BadInput, MachineTrouble
from workbench.records.night_drill import NightDrill, NightMetric

BUSY_TIMEOUT_S: Final = 10.0
_CREATE: Final = """
CREATE TABLE nights (
  suite TEXT NOT NULL, night TEXT NOT NULL, started_s REAL NOT NULL, ended_s REAL, exit_code INTEGER,
  PRIMARY KEY (suite, night)
);
CREATE TABLE drills (
  id INTEGER PRIMARY KEY, suite TEXT NOT NULL, night TEXT NOT NULL, scenario TEXT NOT NULL, repeat INTEGER NOT NULL,
  seed INTEGER NOT NULL, started_s REAL NOT NULL, state TEXT NOT NULL, ended_s REAL, exit_code INTEGER,
  run_id TEXT UNIQUE, resilience TEXT NOT NULL, prediction TEXT NOT NULL, as_expected INTEGER, reason TEXT NOT NULL,
  configuration TEXT NOT NULL, "commit" TEXT NOT NULL, cores INTEGER NOT NULL, system TEXT NOT NULL,
  versions TEXT NOT NULL, stolen_percent REAL, folder TEXT NOT NULL,
  UNIQUE (suite, night, scenario, repeat),
  FOREIGN KEY (suite, night) REFERENCES nights (suite, night)
);
CREATE TABLE metrics (
  drill INTEGER NOT NULL REFERENCES drills (id) ON DELETE CASCADE, name TEXT NOT NULL, unit TEXT NOT NULL,
  kind TEXT NOT NULL, "primary" INTEGER NOT NULL, observed REAL, at_least REAL, quantiles TEXT NOT NULL,
  inside_90 INTEGER, kept INTEGER, at_most REAL,
  PRIMARY KEY (drill, name)
);
CREATE VIEW predicted AS
  SELECT drill, name, CAST(key AS INTEGER) AS percent, value FROM metrics, json_each(metrics.quantiles);
"""
# A drill of version 1 was always an embedded hub's. What it asked and its manifests are told by later drills of the
# same configuration, or by `workbench nightly import`; until then nobody knows.
_CIRCUMSTANCES: Final = """
ALTER TABLE drills ADD COLUMN target TEXT NOT NULL DEFAULT 'local';
ALTER TABLE drills ADD COLUMN question TEXT NOT NULL DEFAULT '';
ALTER TABLE drills ADD COLUMN manifests TEXT NOT NULL DEFAULT '';
ALTER TABLE drills ADD COLUMN calibration TEXT NOT NULL DEFAULT '';
"""
MIGRATIONS: Final = (_CREATE, _CIRCUMSTANCES)  # the n-th leads from version n to n + 1
_COLUMNS: Final = tuple(each.name for each in fields(NightDrill) if each.name != "metrics")
_METRIC_COLUMNS: Final = tuple(each.name for each in fields(NightMetric))


class History:
    """An open history. One process writes it at a time, any number read. Errors are told, the file stays as it is."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    def begin_night(self, suite: str, night: str, started_s: float) -> None:
        """Enter a night, or find it entered."""
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO nights (suite, night, started_s) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (suite, night, started_s),
            )

    def end_night(self, suite: str, night: str, ended_s: float, exit_code: int) -> None:
        """Enter how a night ended; the last word counts."""
        with self._writing() as connection:
            connection.execute(
                "UPDATE nights SET ended_s = ?, exit_code = ? WHERE suite = ? AND night = ?",
                (ended_s, exit_code, suite, night),
            )

    def nights(self, suite: str) -> dict[str, int | None]:
        """Return the exit code of each of a suite's nights, None of one that has not ended."""
        with _told(self.path):
            cursor = self._connection.execute("SELECT night, exit_code FROM nights WHERE suite = ?", (suite,))
            return dict(cursor.fetchall())

    def put(self, *drills: NightDrill) -> None:
        """Enter drills, all or none, each in place of what is entered under its key."""
        with self._writing() as connection:
            for drill in drills:
                _put(connection, drill)

    def drills(self) -> list[NightDrill]:
        """Return every drill, the earliest first."""
        with _told(self.path):
            cursor = self._connection.execute(f"SELECT id, {_names(_COLUMNS)} FROM drills ORDER BY started_s, id")
            drills = cursor.fetchall()
            cursor = self._connection.execute(f"SELECT drill, {_names(_METRIC_COLUMNS)} FROM metrics ORDER BY rowid")
            metrics = cursor.fetchall()
        by_drill: dict[int, list[NightMetric]] = {}
        for number, *values in metrics:
            by_drill.setdefault(number, []).append(_metric(values))
        return [_drill(values, tuple(by_drill.get(number, ()))) for number, *values in drills]

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Commit what is done inside, then fold the log into the file (a reader may put that off)."""
        with _told(self.path):
            with self._connection:
                yield self._connection
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")


@contextmanager
def open_history(path: Path, migrations: Sequence[str] = MIGRATIONS) -> Iterator[History]:
    """Open a history, made anew where there is none, and hold it: nobody else writes until it is closed.

    Raises BadInput for a file that is damaged, is something else or was written by a newer workbench, and
    MachineTrouble for one that another process holds. Before a migration a copy is made beside it.
    """
    with _lock_file(path) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise MachineTrouble(f"history {path}: another night is writing it; wait for its end") from error
        with _told(path), closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)) as connection:
            _check(path, connection, len(migrations))
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            _migrate(path, connection, migrations)
            yield History(path, connection)


def _lock_file(path: Path) -> IO[str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.with_name(path.name + ".lock").open("w")
    except OSError as error:
        raise BadInput(f"history {path}: cannot be written ({error.strerror}); name another --history") from error


def _check(path: Path, connection: sqlite3.Connection, newest: int) -> None:
    """Raise BadInput for a file that must not be written to; nothing has been written so far."""
    version = _version(connection)
    if version > newest:
        raise BadInput(
            f"history {path} has schema version {version}, this workbench knows up to {newest}: use a newer workbench "
            "or another --history"
        )
    if version == 0 and connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise BadInput(f"history {path} is an SQLite file of something else: name another --history")
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise BadInput(f"history {path} is damaged ({found}): restore a copy or name another --history")


def _migrate(path: Path, connection: sqlite3.Connection, migrations: Sequence[str]) -> None:
    version = _version(connection)
    if 0 < version < len(migrations):
        with closing(sqlite3.connect(path.with_name(f"{path.name}.v{version}"))) as copy:
            connection.backup(copy)
    for number in range(version, len(migrations)):
        connection.executescript(f"BEGIN IMMEDIATE; {migrations[number]} PRAGMA user_version = {number + 1}; COMMIT;")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except sqlite3.OperationalError as error:  # locked, disk full, not writable
        raise MachineTrouble(f"history {path}: {error}; nothing was changed") from error
    except sqlite3.DatabaseError as error:
        raise BadInput(f"history {path} is damaged ({error}): restore a copy or name another --history") from error


def _put(connection: sqlite3.Connection, drill: NightDrill) -> None:
    connection.execute(
        "DELETE FROM drills WHERE suite = ? AND night = ? AND scenario = ? AND repeat = ?", drill.key
    )  # fmt: skip
    values = {name: getattr(drill, name) for name in _COLUMNS} | {"versions": json.dumps(dict(drill.versions))}
    number = _insert(connection, "drills", values)
    for row in drill.metrics:
        _insert(connection, "metrics", {"drill": number, **asdict(row), "quantiles": json.dumps(dict(row.quantiles))})


def _insert(connection: sqlite3.Connection, table: str, values: dict[str, Any]) -> int | None:
    marks = ", ".join("?" for _ in values)
    text = f"INSERT INTO {table} ({_names(tuple(values))}) VALUES ({marks})"
    return connection.execute(text, list(values.values())).lastrowid


def _names(columns: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _drill(values: Sequence[Any], metrics: tuple[NightMetric, ...]) -> NightDrill:
    named = dict(zip(_COLUMNS, values, strict=True))
    named |= {"versions": json.loads(named["versions"]), "as_expected": _truth(named["as_expected"])}
    return NightDrill(**named, metrics=metrics)


def _metric(values: Sequence[Any]) -> NightMetric:
    named = dict(zip(_METRIC_COLUMNS, values, strict=True))
    named["quantiles"] = {int(percent): value for percent, value in json.loads(named["quantiles"]).items()}
    named |= {name: _truth(named[name]) for name in ("primary", "inside_90", "kept")}
    return NightMetric(**named)


def _truth(value: int | None) -> bool | None:
    return None if value is None else bool(value)
