"""Set-up on a bare machine: which Python is taken, what is pinned, what a target does by itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PINS = ("requirements.txt", "scripts/uv-requirements.txt", "scripts/go-requirements.txt")
TARGETS = (
    "help",
    "setup",
    "cluster",
    "drill",
    "nightly",
    "test",
    "variants",
    "e2e",
    "check",
    "golden",
    "lock",
    "clean",
)


def _bash(script: str, folder: Path, path: Path) -> subprocess.CompletedProcess[str]:
    """Source the scripts' common part in `folder` with its own HOME and PATH, then run `script`."""
    environment = {"PATH": f"{path}:/usr/bin:/bin", "HOME": str(folder / "home")}
    common = folder / "scripts" / "common.sh"
    command = ["bash", "-euo", "pipefail", "-c", f'. "$1"; {script}', "bash", str(common)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def _program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A project folder with a space in its path and nothing but the scripts; an empty home."""
    folder = tmp_path / "my hub"
    (folder / "home").mkdir(parents=True)
    (folder / "scripts").mkdir()
    for name in ("common.sh", "setup.sh", "uv-requirements.txt"):
        copy = folder / "scripts" / name
        copy.write_bytes((ROOT / "scripts" / name).read_bytes())
        copy.chmod(0o755)
    return folder


def test_a_shim_that_fails_is_passed_over(bare: Path) -> None:
    """A pyenv shim for a version that is not switched on stands on PATH and fails: the version itself is taken."""
    shims = _program(bare / "shims" / "python3.12", "#!/bin/sh\nexit 127\n").parent
    real = bare / "home" / ".pyenv" / "versions" / "3.12.9" / "bin" / "python3.12"
    _program(real, f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    found = _bash("find_python", bare, shims)
    assert found.stdout.strip() == str(real)


def test_an_older_python_is_no_python(bare: Path) -> None:
    """A python3 older than 3.12 is never taken for the project."""
    old = _program(bare / "old" / "python3", "#!/bin/sh\nexit 1\n").parent
    found = _bash("find_python || echo none", bare, old)
    assert found.returncode == 0
    assert str(old) not in found.stdout


def test_caches_go_into_one_folder(bare: Path) -> None:
    """Downloads of pip and uv, and a Python fetched by uv, lie below the one cache folder."""
    script = 'printf "%s\\n" "$UV_CACHE_DIR" "$PIP_CACHE_DIR" "$UV_PYTHON_INSTALL_DIR"'
    places = _bash(script, bare, bare / "none").stdout.splitlines()
    assert len(places) == 3
    assert all(place.startswith(f"{bare}/home/.cache/hub-workbench/") for place in places)


def test_an_unwritable_cache_is_said(bare: Path) -> None:
    """Where the cache folder cannot be made, set-up says which and what to do, and exits 3."""
    (bare / "home" / ".cache").write_text("a file, not a folder")
    (bare / "requirements.txt").touch()
    (bare / "pyproject.toml").touch()
    environment = {"PATH": os.environ["PATH"], "HOME": str(bare / "home")}
    done = subprocess.run(
        [str(bare / "scripts" / "setup.sh")], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 3
    assert "XDG_CACHE_HOME" in done.stderr
    assert not (bare / ".venv").exists()


@pytest.mark.parametrize("name", PINS)
def test_every_pin_has_a_hash_and_names_no_index(name: str) -> None:
    """Each line pins one version with its hashes; no index, host or address is written there."""
    text = (ROOT / name).read_text()
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert all(re.match(r"[a-z0-9-]+==[\w.]+( ;[^\\]*)? \\\n", block) for block in blocks)
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text
    assert "index" not in re.sub(r"^[a-z].*", "", text, flags=re.MULTILINE)


def test_the_lock_holds_what_the_project_asks_for() -> None:
    """Every dependency of pyproject.toml stands in requirements.txt with that very version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    locked = set(re.findall(r"^[a-z0-9-]+==[\w.]+", (ROOT / "requirements.txt").read_text(), flags=re.MULTILINE))
    assert {re.sub(r"\[.*?\]", "", line) for line in asked} <= locked


def test_every_target_is_explained_and_makes_its_own_setup() -> None:
    """`make help` names every target; each that runs the project's programs depends on setup; paths are relative."""
    text = (ROOT / "Makefile").read_text()
    rules = dict(re.findall(r"^([a-z0-9]+):(.*?)##", text, flags=re.MULTILINE))
    assert set(rules) == set(TARGETS)
    assert [name for name in TARGETS if rules[name].split() == ["setup"]] == [
        "cluster",
        "drill",
        "nightly",
        "test",
        "variants",
        "e2e",
        "check",
        "golden",
        "lock",
    ]
    assert not re.search(r"(?<![\w.])/(?!bin/bash)\w", re.sub(r"##.*", "", text))
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    ).stdout
    assert [line.split()[1] for line in shown.splitlines()] == list(TARGETS)


def test_the_integration_server_runs_the_same_targets() -> None:
    """The integration server's file calls what a person does, and nothing of its own."""
    text = (ROOT / ".ci" / "run").read_text()
    called = re.findall(r"^make (\w+)$", text, flags=re.MULTILINE)
    assert called == ["check", "test", "variants", "e2e"]
    assert "set -euo pipefail" in text
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_scripts_are_sound_bash() -> None:
    """Every script parses and starts strict; the sourced part leaves that to its callers."""
    for script in sorted((ROOT / "scripts").glob("*.sh")):
        subprocess.run(["bash", "-n", str(script)], check=True, timeout=60)
        if script.name != "common.sh":
            assert "set -euo pipefail" in script.read_text()
