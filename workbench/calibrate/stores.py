"""ZooKeeper, Postgres and Redis killed and started again on a hub without load."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path
from typing import Any, Final

import psycopg

from workbench.calibrate.bench import Bench, LogTail
from workbench.errors import ToolFailed
from workbench.target.clients.zookeeper_words import mode

ELECTIONS: Final = 6
POSTGRES_KILLS: Final = 6
RECOVERIES: Final = 3
REDIS_KILLS: Final = 6
ROWS: Final = 200_000
CONNECT_S: Final = 2
LOG_S: Final = 5.0
PRIMARY: Final = "postgres-1"
REDIS: Final = "redis-0"
_REDO: Final = re.compile(
    r"redo starts at ([0-9A-F]+)/([0-9A-F]+).*?redo done at ([0-9A-F]+)/([0-9A-F]+).*?elapsed: ([\d.]+) s", re.DOTALL
)
_LOADED: Final = re.compile(r"DB loaded from append only file: ([\d.]+) seconds")


def elections(bench: Bench) -> None:
    """Kill the leading ZooKeeper server and start it again."""
    for _ in bench.rounds(ELECTIONS):
        _election(bench, bench.hub.ensemble().leader)
        bench.whole()


def _election(bench: Bench, leader: int) -> None:
    servers = bench.hub.record.ports.addresses.zookeepers
    others = [door for server, door in servers.items() if server != leader]
    name = f"zookeeper-{leader}"
    sent_s = bench.kill(name)
    elected_s = bench.until(lambda: _led([mode(server) for server in others]), "the others elect a leader")
    bench.note("zookeeper_election_s", elected_s - sent_s)
    began_s = bench.start(name)
    serves_s = bench.until(lambda: bool(mode(servers[leader])), f"{name} serves")
    bench.note("zookeeper_start_s", serves_s - began_s)


def _led(modes: list[str]) -> bool:
    return all(modes) and "leader" in modes


def connect(bench: Bench) -> psycopg.Connection[Any]:
    """Return a connection to the primary; every statement commits by itself."""
    return psycopg.connect(bench.hub.endpoints.postgres_dsn, autocommit=True, connect_timeout=CONNECT_S)


def postgres_kills(bench: Bench) -> None:
    """Start the primary cleanly, so that its checkpoint is new, kill it at once, and start it."""
    for _ in bench.rounds(POSTGRES_KILLS):
        _clean_start(bench)
        bench.kill(PRIMARY, family=True)
        began_s = bench.start(PRIMARY)
        bench.note("postgres_start_s", _accepts(bench) - began_s)
    bench.whole()


def recoveries(bench: Bench) -> None:
    """Write rows after a checkpoint, kill the primary, and read in its log how fast it went through them."""
    for number in bench.rounds(RECOVERIES):
        _clean_start(bench)
        _write_rows(bench, number)
        _recover(bench, bench.log(PRIMARY))
    bench.whole()


def _write_rows(bench: Bench, number: int) -> None:
    with connect(bench) as primary:
        primary.execute("DROP TABLE IF EXISTS calibration_rows")
        primary.execute("CREATE TABLE calibration_rows (LIKE events INCLUDING ALL)")
        primary.execute(
            "INSERT INTO calibration_rows SELECT i, 'alerts', 0, i, i %% 500, gen_random_bytes(480) "
            "FROM generate_series(%s::bigint, %s::bigint) AS i",
            (number * ROWS, (number + 1) * ROWS - 1),
        )


def _recover(bench: Bench, log: LogTail) -> None:
    bench.kill(PRIMARY, family=True)
    bench.start(PRIMARY)
    _accepts(bench)
    bench.until(lambda: _REDO.search(log.text()) is not None, "Postgres's log tells of its recovery", LOG_S)
    found = _REDO.search(log.text())
    if found is None:
        raise ToolFailed("Postgres's log was cut short")
    redo_bytes = (int(found[3], 16) - int(found[1], 16) << 32) + int(found[4], 16) - int(found[2], 16)
    took_s = float(found[5])
    if took_s > 0.0:  # its log is in 10 ms
        bench.note("postgres_redo_bytes_per_s", redo_bytes / took_s)


def _clean_start(bench: Bench) -> None:
    """Stop the primary in good order (SIGINT: fast shutdown, with a checkpoint) and start it."""
    bench.kill(PRIMARY, signal.SIGINT)
    bench.start(PRIMARY)
    _accepts(bench)


def _accepts(bench: Bench) -> float:
    """Return when the primary took a connection, epoch s."""

    def takes() -> bool:
        try:
            connect(bench).close()
        except psycopg.OperationalError:
            return False
        return True

    return bench.until(takes, "Postgres takes connections")


def redis_kills(bench: Bench) -> None:
    """Kill Redis and start it on the file that the processors' bursts have filled."""
    file = next(bench.hub.directory.rglob("appendonly.aof"), None)
    if file is None:
        raise ToolFailed("Redis keeps no append-only file: the manifests do not say appendonly yes")
    for _ in bench.rounds(REDIS_KILLS):
        _redis_kill(bench, file, bench.log(REDIS))
        _settle(bench)
    bench.whole()


def _redis_kill(bench: Bench, file: Path, log: LogTail) -> None:
    bench.kill(REDIS)
    size_bytes = file.stat().st_size
    began_s = bench.start(REDIS)
    answers_s = bench.until(bench.hub.redis_answers, "Redis answers")
    bench.until(lambda: _LOADED.search(log.text()) is not None, "Redis's log tells of its loading", LOG_S)
    found = _LOADED.search(log.text())
    load_s = float(found[1]) if found else 0.0
    bench.note("redis_start_s", answers_s - began_s - load_s)
    if load_s > 0.0:  # its log is in 1 ms
        bench.note("redis_load_bytes_per_s", size_bytes / load_s)


def _settle(bench: Bench) -> None:
    """Wait until the processors have Redis again, so that they do not reach it while it is measured."""
    deadline_s = time.monotonic() + LOG_S
    while bench.hub.doors.unready_processors() and time.monotonic() < deadline_s:
        time.sleep(0.1)
