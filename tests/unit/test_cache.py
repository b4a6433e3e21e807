"""Everything outside the project's folder goes into one cache folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.cache import cache_directory


def test_the_cache_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """XDG_CACHE_HOME names it, else the home's .cache; a relative name is ignored."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert cache_directory() == tmp_path / "elsewhere" / "hub-workbench"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_directory() == tmp_path / ".cache" / "hub-workbench"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_directory() == tmp_path / ".cache" / "hub-workbench"


def test_kernels_and_fonts_are_kept_there(tmp_path: Path) -> None:
    """A compiled loop and the report in a new home leave nothing outside of .cache/hub-workbench."""
    environment = {**os.environ, "HOME": str(tmp_path)}
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR", "NUMBA_CACHE_DIR"):
        environment.pop(name, None)
    program = (
        "import numpy, workbench.report, matplotlib.font_manager, workbench.ordering; "
        "workbench.ordering.in_order(numpy.zeros(1)); "
        "import numba; print(numba.config.CACHE_DIR)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=240, check=True
    )
    cache = tmp_path / ".cache" / "hub-workbench"
    assert done.stdout.strip() == str(cache / "numba")
    assert (cache / "matplotlib").is_dir()
    assert [path.name for path in tmp_path.iterdir()] == [".cache"]
    assert [path.name for path in (tmp_path / ".cache").iterdir()] == ["hub-workbench"]
