"""PostgreSQL's data folders: a primary by initdb, standbys as copies of it, without pg_basebackup.

A standby is made as the PostgreSQL 14 manual describes for a low-level base backup (26.3.3): non-exclusive
pg_start_backup, a copy of the files, pg_stop_backup, its label as backup_label, and standby.signal.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from workbench.errors import ToolFailed
from workbench.target.clients.addresses import LOOPBACK
from workbench.target.local.servers import DATABASE, SUPERUSER, Instances, Plan, postgres_prefix, postgres_settings

INITDB_TIMEOUT_S: Final = 60
CONNECT_TIMEOUT_S: Final = 5
NOT_COPIED: Final = ("postmaster.pid", "postmaster.opts", "pg_dynshmem", "pg_stat_tmp")


def make_primary(plan: Plan) -> None:
    """Make the primary's data folder. Raises ToolFailed with initdb's words."""
    home = plan.home("postgres-1")
    secret = plan.directory / "tmp" / "initdb-password"
    secret.touch(mode=0o600)
    secret.write_text(plan.secrets.postgres_superuser)
    command = [
        *postgres_prefix(),
        str(plan.artifacts.postgres_programs / "initdb"),
        f"--pgdata={home}",
        f"--username={SUPERUSER}",
        f"--pwfile={secret}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",  # the folder is worth nothing until the hub is up
    ]
    environment = plan.environment(plan.topology.placement["postgres-1"])
    made = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=INITDB_TIMEOUT_S, check=False
    )
    secret.unlink()
    if made.returncode:
        raise ToolFailed(f"initdb failed (exit {made.returncode}): {made.stderr.strip() or made.stdout.strip()}")
    _configure(plan, 1)


def make_database(plan: Plan) -> None:
    """Make the applications' database and its owner in the running primary, as the manifest's script does."""
    with connect(plan, 1) as primary:
        password = sql.Literal(plan.secrets.postgres_hub)
        owner = sql.Identifier(DATABASE)
        primary.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(owner, password))
        primary.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(owner, owner))


def make_standby(plan: Instances, instance: int, primary: int = 1) -> None:
    """Copy the running primary into the data folder of a standby."""
    name = f"postgres-{instance}"
    with connect(plan, primary) as source:
        source.execute("SELECT pg_start_backup(%s, true, false)", (name,))
        home = plan.home(name)
        _copy(plan.home(f"postgres-{primary}"), home)
        row = source.execute("SELECT labelfile FROM pg_stop_backup(false, false)").fetchone()
    if row is None:
        raise ToolFailed("pg_stop_backup gave no label")
    (home / "backup_label").write_text(row[0])
    (home / "standby.signal").touch(mode=0o600)
    _configure(plan, instance, primary)


def promote(plan: Instances, instance: int) -> None:
    """Ask a standby to become the primary, without waiting for it (PostgreSQL 14 manual, pg_promote)."""
    with connect(plan, instance) as standby:
        standby.execute("SELECT pg_promote(wait => false)")


def follow(plan: Instances, instance: int, primary: int) -> None:
    """Let a running standby stream from another primary, on its timeline (recovery_target_timeline: latest)."""
    _configure(plan, instance, primary)
    with connect(plan, instance) as standby:
        standby.execute("SELECT pg_reload_conf()")


def rebuild(plan: Instances, instance: int, primary: int) -> None:
    """Make an instance that is down a standby of `primary`: its data are given up, the primary's are copied."""
    shutil.rmtree(plan.home(f"postgres-{instance}"))
    plan.home(f"postgres-{instance}")
    make_standby(plan, instance, primary)


def takes_writes(plan: Instances, instance: int) -> bool:
    """Tell whether an instance is a primary that answers."""
    try:
        with connect(plan, instance) as connection:
            row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
    except psycopg.OperationalError:
        return False
    return row is not None and not row[0]


def streaming_standbys(plan: Instances, primary: int = 1) -> int:
    """Return how many standbys stream from the primary now."""
    with connect(plan, primary) as connection:
        row = connection.execute("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'").fetchone()
    return int(row[0]) if row else 0


def accepts(plan: Instances, instance: int) -> bool:
    """Tell whether an instance takes connections."""
    try:
        connect(plan, instance).close()
    except psycopg.OperationalError:
        return False
    return True


def connect(plan: Instances, instance: int) -> psycopg.Connection[tuple[Any, ...]]:
    """Return a superuser's connection; every statement commits by itself."""
    return psycopg.connect(
        host=LOOPBACK,
        port=plan.ports.postgres[instance],
        user=SUPERUSER,
        password=plan.superuser_password,
        dbname="postgres",
        connect_timeout=CONNECT_TIMEOUT_S,
        autocommit=True,
    )


def _configure(plan: Instances, instance: int, primary: int = 1) -> None:
    """Append our lines to postgresql.conf; the last line of a setting counts."""
    file = plan.home(f"postgres-{instance}") / "postgresql.conf"
    text = file.read_text().partition(_OURS)[0]
    file.write_text(f"{text}{_OURS}{postgres_settings(plan, instance, primary)}")


_OURS: Final = "\n# The hub's own settings.\n"


def _copy(source: Path, target: Path) -> None:
    """Copy a data folder that is in use: files may vanish or grow meanwhile, the write-ahead log repairs it."""

    def copy_file(path: str, to: str) -> str:
        try:
            return shutil.copy2(path, to)
        except FileNotFoundError:
            return to

    shutil.copytree(
        source, target, ignore=shutil.ignore_patterns(*NOT_COPIED), copy_function=copy_file, dirs_exist_ok=True
    )
    for folder in ("pg_dynshmem", "pg_stat_tmp"):
        (target / folder).mkdir(mode=0o700, exist_ok=True)
    os.chmod(target, 0o700)
