"""How long a person waits for what was typed: the help, and a prediction, beside what their imports take.

    python benchmarks/start_up.py                       on an idle machine

Bounds: `workbench --help` in 0.3 s, `workbench predict broker-loss` in 3 s; beside it with as many replications as a
drill plays, without a bound. Medians of several runs of each after one that is not counted, one after the other in
turn.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

BIN = Path(sys.executable).parent
ROUNDS = 7
HELP_S_MAX = 0.3
PREDICT_S_MAX = 3.0
PYTHON = str(BIN / "python")
WORKBENCH = str(BIN / "workbench")
COMMANDS = {
    "workbench --help": [WORKBENCH, "--help"],
    "workbench predict broker-loss": [WORKBENCH, "predict", "broker-loss"],
    "the same, --replications 1000": [WORKBENCH, "predict", "broker-loss", "--replications", "1000"],
    "Python alone": [PYTHON, "-c", "pass"],
    "what reads scenario and manifests": [PYTHON, "-c", "import workbench.api"],
    "what replicates, its loops compiled": [PYTHON, "-c", "import workbench.engine.__main__ as m; m.compile_all()"],
}
BOUNDS_S = {"workbench --help": HELP_S_MAX, "workbench predict broker-loss": PREDICT_S_MAX}


def took_s(command: list[str]) -> float:
    """Return how long a command takes from being typed to its end (s)."""
    began_s = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began_s


def main() -> int:
    """Measure, print a table and return 0 if both bounds hold."""
    times_s: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for turn in range(ROUNDS + 1):
        for name, command in COMMANDS.items():
            spent_s = took_s(command)
            if turn > 0:
                times_s[name].append(spent_s)
    print(f"{'':38}{'median':>8}{'least':>9}{'most':>9}{'bound':>9}")
    kept = True
    for name, spent in times_s.items():
        bound_s = BOUNDS_S.get(name)
        kept = kept and (bound_s is None or median(spent) <= bound_s)
        shown = "" if bound_s is None else f"{bound_s:7.1f} s"
        print(f"{name:38}{median(spent):6.2f} s{min(spent):7.2f} s{max(spent):7.2f} s{shown:>9}")
    return int(not kept)


if __name__ == "__main__":
    sys.exit(main())
