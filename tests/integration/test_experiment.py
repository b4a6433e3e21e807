"""The experiment file on a hub that is up, run by Chaos Toolkit's own command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from workbench.drill.experiment import read_outcome
from workbench.scenario import PROJECT_ROOT
from workbench.target.local import LocalHub

pytestmark = pytest.mark.integration

CHAOS = Path(sys.executable).with_name("chaos")
EXPERIMENT = PROJECT_ROOT / "experiments" / "broker-loss.yaml"


def chaos(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Chaos Toolkit with its files in a folder of the test."""
    command = [str(CHAOS), "--no-version-check", "--no-log-file", "--settings", str(folder / "settings.yaml")]
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=240, check=False, cwd=PROJECT_ROOT
    )


def test_the_experiment_is_valid(tmp_path: Path) -> None:
    """`chaos validate` accepts the file as it stands."""
    done = chaos(tmp_path, "validate", str(EXPERIMENT))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(300)
def test_a_bare_run_stops_a_broker_and_brings_it_back(hub: LocalHub, tmp_path: Path) -> None:
    """With nothing but the hub's id the file works on a hub that is up."""
    journal = tmp_path / "journal.json"
    done = chaos(
        tmp_path, "run", "--journal-path", str(journal), "--var", f"hub={hub.hub_id}", "--var", "fault=BrokerStop",
        str(EXPERIMENT),
    )  # fmt: skip
    outcome = read_outcome(journal)
    assert done.returncode == 0, done.stdout + done.stderr
    assert outcome.problems == ()
    assert outcome.recovered
    assert outcome.undone


@pytest.mark.timeout(300)
def test_a_failed_injection_is_never_exit_code_0(hub: LocalHub, tmp_path: Path) -> None:
    """Broker 7 of 3 cannot be broken: the run is interrupted, the journal says why."""
    journal = tmp_path / "journal.json"
    done = chaos(
        tmp_path, "run", "--journal-path", str(journal), "--var", f"hub={hub.hub_id}", "--var", "server=kafka-7",
        str(EXPERIMENT),
    )  # fmt: skip
    assert done.returncode != 0
    assert not read_outcome(journal).injected
