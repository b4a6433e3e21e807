"""How time grows with messages, pods and replications, and memory with the length of a run; a figure of it all.

    python benchmarks/growth.py                         on an idle machine; writes docs/images/growth.svg

Bounds: over three decades time is proportional to each, within a power of 0.85 to 1.15 (what is spent without any is
taken off first, and what is hardly more than that is drawn and not judged); a run of a hundred times the length takes
at most 1.2 times the memory. Time is processor time, in the environment of a prediction's subprocesses.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from engine_speed import as_in_predictions, killed, service, traffic
from matplotlib.figure import Figure
from placing_speed import cluster, pod

from workbench import engine
from workbench.engine.__main__ import compile_all
from workbench.model.parameters import merge
from workbench.model.replication import Model, run_slice
from workbench.model.scheduling import place_bulk
from workbench.report import palette
from workbench.scenario import PROJECT_ROOT, find_scenario, read_scenario
from workbench.topology import read_topology

FIGURE = PROJECT_ROOT / "docs" / "images" / "growth.svg"
ROUNDS = 3
POWERS = (0.85, 1.15)
HIDDEN_SHARE = 0.2
NODES = 5_000
LENGTHS = (20_000, 200_000, 2_000_000)  # messages: 1, 10 and 100 times a minute of 333 messages/s
MEMORY_MAX = 1.2


@dataclass(frozen=True)
class Growth:
    """Time (s) at several counts of something, the least of a few runs, and without any."""

    name: str
    counts: tuple[int, ...]
    times_s: tuple[float, ...]
    empty_s: float

    @property
    def power(self) -> float:
        """Return the power of the count with which time grows, of counts that the time without any does not hide."""
        spent_s = np.array(self.times_s) - self.empty_s
        seen = spent_s > HIDDEN_SHARE * self.empty_s
        return float(np.polyfit(np.log(np.array(self.counts)[seen]), np.log(spent_s[seen]), 1)[0])


def measured(name: str, counts: tuple[int, ...], run: Callable[[int], object], empty: int) -> Growth:
    """Return how long `run` takes for each count, and for the `empty` one."""
    return Growth(
        name, counts, tuple(least_s(run, count) for count in counts), least_s(run, empty) if empty >= 0 else 0.0
    )


def least_s(run: Callable[[int], object], count: int) -> float:
    """Return the least processor time (s) of a few runs, of one where it takes long."""
    times_s: list[float] = []
    while len(times_s) < ROUNDS and sum(times_s) < ROUNDS:
        began_s = time.process_time()
        run(count)
        times_s.append(time.process_time() - began_s)
    return min(times_s)


def growths() -> list[Growth]:
    """Measure all three."""
    scenario = read_scenario(find_scenario("broker-loss"))
    model = Model.of(merge(scenario, read_topology(scenario.manifests), None, None), scenario.workload, 7)
    machines, cases = cluster(NODES), {n: traffic(1000.0, n) for n in (3_000, 30_000, 300_000, 3_000_000)}
    given = killed(17.0, 2), service(1e-4)
    return [
        measured("messages", tuple(cases), lambda count: engine.run(cases[count], *given), -1),
        measured("pods", (150, 1_500, 15_000, 150_000), lambda count: place_bulk(machines, [(pod(), count)]), 1),
        measured("replications", (1, 10, 100, 1_000), lambda count: run_slice(model, range(count)), -1),
    ]


def resident_mib(messages: int) -> float:
    """Return the most memory (MiB) that a process of its own has for one run of so many messages."""
    done = subprocess.run(
        [sys.executable, __file__, "--run", str(messages)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def one_run(messages: int) -> None:
    """Run so many messages, print the most memory (MiB) that it took; from proc(5), since rusage has the parent's."""
    engine.run(traffic(1000.0 / 3.0, messages), killed(17.0, 2), service(1e-4))
    lines = Path("/proc/self/status").read_text().splitlines()
    print(next(float(line.split()[1]) / 1024.0 for line in lines if line.startswith("VmHWM")))


def draw(found: list[Growth], memory_mib: list[float], path: Path) -> None:
    """Draw each growth beside a straight proportion, and the memory, on doubly logarithmic axes."""
    mpl.rcParams.update({"svg.hashsalt": "growth", "svg.fonttype": "none", "font.size": 8.0})
    figure = Figure(figsize=(9.0, 2.6), layout="constrained", facecolor=palette.PAGE)
    axes = figure.subplots(1, len(found) + 1)
    for axis, growth in zip(axes, found, strict=False):
        last_s, last = growth.times_s[-1], growth.counts[-1]
        line = [last_s * count / last for count in growth.counts]
        axis.plot(growth.counts, line, color=palette.TINT_50, linestyle="--", label="in proportion")
        axis.plot(growth.counts, growth.times_s, color=palette.PREDICTED, marker="o", label="measured")
        axis.set_title(f"time by {growth.name}, power {growth.power:.2f}", color=palette.TEXT)
        axis.set_ylabel("s", color=palette.MUTED)
    axes[-1].plot(LENGTHS, memory_mib, color=palette.PREDICTED, marker="o")
    axes[-1].set_title("memory by messages of a run", color=palette.TEXT)
    axes[-1].set_ylabel("MiB", color=palette.MUTED)
    for axis in axes:
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_facecolor(palette.PAGE)
        axis.tick_params(colors=palette.AXIS)
        axis.grid(color=palette.RULE, linewidth=0.5)
        axis.spines[:].set_color(palette.AXIS)
    axes[0].legend(frameon=False, labelcolor=palette.TEXT)
    figure.savefig(path, metadata={"Date": None})


def main() -> int:
    """Measure, print a table, draw it and return 0 if every bound holds."""
    as_in_predictions()
    if sys.argv[1:2] == ["--run"]:
        one_run(int(sys.argv[2]))
        return 0
    print(f"kernels ready after {compile_all():.1f} s")
    found = growths()
    for growth in found:
        rows = "  ".join(f"{count:,}: {t_s:.4f} s" for count, t_s in zip(growth.counts, growth.times_s, strict=True))
        print(f"{growth.name:14}power {growth.power:4.2f}   {rows}")
    memory_mib = [resident_mib(messages) for messages in LENGTHS]
    rows = "  ".join(f"{count:,}: {mib:.0f} MiB" for count, mib in zip(LENGTHS, memory_mib, strict=True))
    print(f"{'memory':14}{memory_mib[-1] / memory_mib[0]:.2f} times     {rows}   at most {MEMORY_MAX:g} times")
    draw(found, memory_mib, FIGURE)
    straight = all(POWERS[0] <= growth.power <= POWERS[1] for growth in found)
    return int(not straight or memory_mib[-1] > MEMORY_MAX * memory_mib[0])


if __name__ == "__main__":
    sys.exit(main())
