"""Downloads: only verified, whole files count, and nothing is downloaded twice."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import pytest

from workbench.errors import MachineTrouble, ToolFailed
from workbench.target.local import artifacts
from workbench.target.local.artifacts import Jar
from workbench.target.local.class_archive import Runtime

CONTENT = b"the jar's bytes"
JAR = Jar("org.example:thing:1.0", "thing-1.0.jar", hashlib.sha256(CONTENT).hexdigest())


def test_lock_names_every_jar_once_and_no_host() -> None:
    """57 lines of coordinate, file name and SHA-256; versions as the hub's."""
    jars = artifacts.locked_jars()
    assert len({jar.file_name for jar in jars}) == len(jars) == 57
    for jar in jars:
        assert re.fullmatch(r"[\w.\-]+:[\w.\-]+:[\w.\-]+", jar.coordinate)
        assert jar.file_name == f"{jar.artifact}-{jar.version}.jar"
        assert re.fullmatch(r"[0-9a-f]{64}", jar.sha256)
    versions = {jar.artifact: jar.version for jar in jars}
    assert (versions["kafka_2.13"], versions["zookeeper"]) == ("3.7.1", "3.8.4")
    assert versions[artifacts.POSTGRES_JAR] == "14.12.0"


def test_half_a_file_does_not_count(tmp_path: Path) -> None:
    """Neither without a stamp nor with the stamp of the whole file."""
    (tmp_path / JAR.file_name).write_bytes(CONTENT)
    assert artifacts._is_verified(tmp_path, JAR, {})
    artifacts._write_stamp(tmp_path, [JAR])
    stamp = artifacts._read_stamp(tmp_path)
    assert artifacts._is_verified(tmp_path, JAR, stamp)
    (tmp_path / JAR.file_name).write_bytes(CONTENT[:5])
    assert not artifacts._is_verified(tmp_path, JAR, stamp)
    assert not artifacts._is_verified(tmp_path, JAR, {})


def test_a_cut_off_stamp_is_only_slower(tmp_path: Path) -> None:
    """The file is hashed again."""
    (tmp_path / JAR.file_name).write_bytes(CONTENT)
    (tmp_path / "verified.json").write_text('{"thing-1.0.jar": [')
    assert artifacts._read_stamp(tmp_path) == {}


def test_download_clears_what_an_interrupted_one_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file arrives under its own name and no temporary folder stays."""
    folder = tmp_path / "jars"
    folder.mkdir()
    (tmp_path / "download-old").mkdir()

    def fetch(jar: Jar, temporary: Path) -> Path:
        path = temporary / "arrived"
        path.write_bytes(CONTENT)
        return path

    monkeypatch.setattr(artifacts, "_fetch", fetch)
    said: list[str] = []
    artifacts._download([JAR], folder, said.append)
    assert (folder / JAR.file_name).read_bytes() == CONTENT
    assert sorted(path.name for path in tmp_path.iterdir()) == ["jars"]
    assert said == ["downloading 1/1: thing-1.0.jar"]


def test_without_an_archive_the_servers_only_start_more_slowly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What went wrong is said, nothing is raised and no half archive is left to be used."""

    def fail(runtime: Runtime, target: Path) -> None:
        raise ToolFailed("no java here")

    (tmp_path / "release").write_text("JAVA_VERSION=17")
    (tmp_path / "a.jar").touch()
    monkeypatch.setattr(artifacts.class_archive, "make", fail)
    said: list[str] = []
    runtime = Runtime(tmp_path / "bin" / "java", str(tmp_path / "a.jar"))
    assert artifacts._class_archive(runtime, tmp_path, said.append) is None
    assert "no java here" in said[-1]


def test_another_jar_or_jvm_has_another_archive(tmp_path: Path) -> None:
    """The JVM would refuse the old one, and silently start slowly."""
    (tmp_path / "release").write_text("JAVA_VERSION=17")
    jar = tmp_path / "a.jar"
    jar.touch()
    runtime = Runtime(tmp_path / "bin" / "java", str(jar))
    names = {runtime.archive(tmp_path)}
    os.utime(jar, (1.0, 1.0))
    names.add(runtime.archive(tmp_path))
    (tmp_path / "release").write_text("JAVA_VERSION=21")
    names.add(runtime.archive(tmp_path))
    assert len(names) == 3


def test_another_kind_of_machine_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """jars.lock holds PostgreSQL for one kind of machine."""
    monkeypatch.setattr(artifacts.platform, "machine", lambda: "riscv64")
    with pytest.raises(MachineTrouble, match="riscv64"):
        artifacts.prepare(lambda _: None)
