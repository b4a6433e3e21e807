"""A folder with this Python, the packages the hub's applications use, and the applications: what their image holds.

Modules are compiled ahead (PEP 552, unchecked hashes): a container cannot write, and would compile all of them at
every start.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import Final

import workbench
from workbench.errors import ToolFailed

# What workbench.apps imports, and what that imports.
PACKAGES: Final = (
    "anyio",
    "click",
    "confluent-kafka",
    "h11",
    "idna",
    "itsdangerous",
    "orjson",
    "prometheus-client",
    "psycopg",
    "psycopg-binary",
    "psycopg-pool",
    "redis",
    "starlette",
    "typing-extensions",
    "uvicorn",
)
LEFT_OUT: Final = ("test", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "site-packages", "__pycache__")
OURS: Final = (
    *("__init__.py", "apps", "target/__init__.py", "target/throwaway/__init__.py", "target/throwaway/hub"),
    *("target/throwaway/monitoring/__init__.py", "target/throwaway/monitoring/receiver.py"),
)
COMPILE_TIMEOUT_S: Final = 300.0
VERSION: Final = f"python{sys.version_info.major}.{sys.version_info.minor}"


def fingerprint() -> str:
    """Return what tells whether a tree is of this Python, these packages and these applications."""
    digest = hashlib.sha256(sys.version.encode())
    for name in PACKAGES:
        digest.update(f"{name}=={metadata.version(name)}\n".encode())
    for path in sorted(_our_files()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def write_tree(target: Path) -> None:
    """Make the folder: bin/python, lib/python3.x. Raises ToolFailed when a module does not compile."""
    standard = Path(sysconfig.get_path("stdlib"))
    library = target / "lib" / VERSION
    shutil.copytree(standard, library, ignore=shutil.ignore_patterns(*LEFT_OUT, "config-*"), symlinks=False)
    (target / "bin").mkdir()
    shutil.copy2(Path(sys.executable).resolve(), target / "bin" / "python")
    for name in PACKAGES:
        _copy_package(name, library / "site-packages")
    package = Path(workbench.__file__).parent
    for path in _our_files():
        _copy(path, library / "site-packages" / "workbench" / path.relative_to(package))
    command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(target), "-p", "/usr/local", str(library)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_TIMEOUT_S, check=False)
    if done.returncode:
        raise ToolFailed(f"the applications' Python could not be compiled: {done.stdout[-300:]}")


def _our_files() -> list[Path]:
    package = Path(workbench.__file__).parent
    chosen = [package / name for name in OURS]
    return [path for place in chosen for path in ([place] if place.is_file() else place.rglob("*.py"))]


def _copy_package(name: str, target: Path) -> None:
    distribution = metadata.distribution(name)
    for file in distribution.files or ():
        if ".." not in file.parts and "__pycache__" not in file.parts:
            _copy(Path(str(distribution.locate_file(file))), target / file)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)
