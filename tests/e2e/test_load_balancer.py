"""A real haproxy with the hub's own configuration loses a server: when it is out and back, what users wait."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import balanced
from workbench.api import DEFAULT_LOAD_BALANCER
from workbench.model.control_plane.balancing import back_in_rotation_s, out_of_rotation_s
from workbench.model.control_plane.constants import Draws, balancing_rows
from workbench.topology.load_balancer import read_load_balancer

pytestmark = pytest.mark.integration
TIMES = 3
LEEWAY_S = 0.7  # a busy machine's clock ticks late


@pytest.mark.parametrize("kind", ["refused", "silent"])
def test_a_lost_server_is_out_and_back_when_predicted(kind: str, tmp_path: Path) -> None:
    """Each loss lies between the earliest and the latest moment of the model; a silent server costs its wait."""
    assert shutil.which("haproxy"), "scripts/e2e.sh installs it"
    program = Path(balanced.__file__)
    command = ["unshare", "--net", sys.executable, str(program), str(DEFAULT_LOAD_BALANCER), str(tmp_path), kind]
    done = subprocess.run([*command, str(TIMES)], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    balancer = read_load_balancer(DEFAULT_LOAD_BALANCER)
    draws = Draws(balancing_rows(balancer), 1, 1000)
    out_s, back_s = (each(draws, silent=kind == "silent") for each in (out_of_rotation_s, back_in_rotation_s))
    assert len(seen) == TIMES
    for loss in seen:
        assert out_s.min() - LEEWAY_S <= loss["out_s"] <= out_s.max() + LEEWAY_S, seen
        assert loss["back_s"] <= back_s.max() + LEEWAY_S, seen
    if kind == "silent":
        waited_s = max(loss["waited_s"] for loss in seen)
        assert waited_s == pytest.approx(balancer.connect_timeout_s, abs=LEEWAY_S), seen
