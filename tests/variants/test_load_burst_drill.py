"""A whole drill in which nothing is broken: the load bursts, the backlog grows and drains, both verdicts are given."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from workbench.records import timeline
from workbench.records.folder import RunFolder, load_json
from workbench.scenario import PROJECT_ROOT
from workbench.scenario.form import BASELINE_S_MIN

pytestmark = pytest.mark.integration
DRILL_MAX_S = 480
RATE_PER_S = 120.0  # times 5: about what two cores carry that others use as well


@pytest.mark.timeout(DRILL_MAX_S + 60)
def test_a_burst_is_predicted_sealed_made_and_compared(tmp_path: Path) -> None:
    """What gathers is seen, drains, and nothing is lost; the burst's proof is the producers' own log."""
    content = yaml.safe_load((PROJECT_ROOT / "scenarios" / "load-burst.yaml").read_text())
    content["load"]["profile"]["rate_per_s"] = RATE_PER_S
    content["baseline_s"] = BASELINE_S_MIN
    scenario = tmp_path / "load-burst.yaml"
    scenario.write_text(yaml.safe_dump(content))
    command = [
        sys.executable,
        "-m",
        "workbench.cli",
        "drill",
        str(scenario),
        "--seed",
        "3",
        "--out",
        str(tmp_path / "out"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DRILL_MAX_S, check=False)
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    (found,) = (tmp_path / "out").glob("*/*/run.json")
    folder = RunFolder(found.parent)
    run, comparison = load_json(folder.run_json), load_json(folder.comparison_json)
    assert run["complete"] is True
    assert run["sealed_s"] < run["fault_s"]
    assert all(check["passed"] for check in comparison["checks"]), comparison["checks"]
    assert comparison["verdicts"]["residue"]["verdict"] == "clean"
    rows = {row["name"]: row for row in comparison["metrics"]}
    # Little's law: five times the rate, and no event is a row sooner than the 50 ms in which a batch is collected.
    assert rows["pipeline_backlog_events_max"]["observed"] > 5.0 * RATE_PER_S * 0.05
    ledger = load_json(folder.ledger / "summary.json")
    assert ledger["lost"] == ledger["duplicated"] == ledger["missing_in_postgres"] == 0
    kinds = [entry.kind for entry in timeline.read(folder.timeline)]
    wanted = ["sealed", "fault-injected", "fault-effective", "fault-ended"]
    assert [kind for kind in kinds if kind in wanted] == wanted
