"""A command in place of `workbench drill`, to test who runs it: copies a sample run, or dies. It observes nothing.

    fake_drill.py FOLDER SCENARIO --seed SEED --out RUNS

FOLDER holds `sample` (a run folder) and `plan.json`: "<scenario> <repeat>" to "ok" (also without an entry), "fails",
"dies", "hangs". What it did is appended to FOLDER/done.txt, its process id to FOLDER/hanging.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

HANG_S = 60.0


def main(folder: Path, scenario: str, seed: int, runs: Path) -> int:
    """Do what the plan says; return the exit code."""
    what = json.loads((folder / "plan.json").read_text()).get(f"{scenario} {seed % 100}", "ok")
    with (folder / "done.txt").open("a") as file:
        file.write(f"{scenario} {seed % 100} {what}\n")
    if what == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "hangs":
        (folder / "hanging").write_text(str(os.getpid()))
        deadline_s = time.monotonic() + HANG_S
        while time.monotonic() < deadline_s:
            time.sleep(0.05)
    if what == "fails":
        print("error: the hub did not start")
        return 3
    write_run(folder / "sample", scenario, seed, runs)
    return 0


def write_run(sample: Path, scenario: str, seed: int, runs: Path) -> None:
    """Copy the sample as this drill's run and enter its seal."""
    run_id = f"{scenario}-{seed}-{os.getpid()}"
    place = runs / scenario / run_id
    shutil.copytree(sample, place)
    run = json.loads((place / "run.json").read_text())
    run |= {"run_id": run_id, "seed": seed}
    (place / "run.json").write_text(json.dumps(run))
    entry = {"run_id": run_id, "scenario": scenario, "seed": seed, "sealed_s": time.time()}
    entry |= {"sha256": run["seal_sha256"], "folder": f"{scenario}/{run_id}"}
    with (runs / "index.jsonl").open("a") as file:
        file.write(json.dumps(entry) + "\n")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(main(Path(arguments[0]), arguments[1], int(arguments[3]), Path(arguments[5])))
