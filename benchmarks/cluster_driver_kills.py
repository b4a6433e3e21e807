"""Kills the driver of a drill on a throwaway cluster with SIGKILL at random moments, and recovers the cluster.

Bounds: each time `workbench recover` ends with exit code 0, what this program saw of the cluster before is what it sees
afterwards, every node has power, and a second `workbench recover` finds nothing to do. A cluster must be up; with
--hub the drill is a broker's loss of the hub on it, else a worker's power-off under trial pods.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workbench.records import timeline
from workbench.records.folder import RunFolder
from workbench.safety.snapshot import differences
from workbench.safety.undo import read_drill_record
from workbench.streams import stream
from workbench.target.kubernetes.api import Api
from workbench.target.kubernetes.snapshots import take_snapshot
from workbench.target.throwaway import cluster as throwaway
from workbench.target.throwaway.record import read_record

WORKBENCH: Final = (sys.executable, "-m", "workbench.cli")
NODE: Final = "worker-2"
NODE_DRILL_S: Final = 60.0  # of a worker's power-off; its node is off for the second half of that
HUB_DRILL_S: Final = 400.0
RECOVER_MAX_S: Final = 900.0
POLL_S: Final = 0.05


@dataclass(frozen=True)
class Killed:
    """One driver's end, and what became of the cluster."""

    after_s: float
    entries: str  # what was on record: the last entry's fault
    off: bool  # whether the node was off when the driver died
    recovered_s: float
    exit_code: int
    left: list[str]
    again: bool  # whether a second recovery found nothing

    @property
    def clean(self) -> bool:
        """Tell whether every bound was kept."""
        return self.exit_code == 0 and not self.left and self.again


def main() -> None:
    """Print one line a kill; exit with 1 when a bound was not kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=10, help="how many drivers (default 10)")
    parser.add_argument("--seed", type=int, default=1, help="draws the moments (default 1)")
    parser.add_argument("--cluster", default="", help="its id; not needed while only one is up")
    parser.add_argument("--hub", action="store_true", help="a drill on the hub that is up on it")
    arguments = parser.parse_args()
    longest_s = HUB_DRILL_S if arguments.hub else NODE_DRILL_S
    moments = stream(arguments.seed, "cluster-driver-kills").uniform(1.0, longest_s, arguments.times)
    print("killed after  on record           node  recovered after  code  differences")
    done = []
    for moment_s in moments.tolist():
        killed = kill_one(throwaway.find(arguments.cluster), moment_s, hub=arguments.hub)
        done.append(killed)
        left = f"{len(killed.left):11}  {' '.join(killed.left)}".rstrip() + ("" if killed.again else "  NOT IDEMPOTENT")
        row = f"{killed.after_s:10.1f} s  {killed.entries:18}  {'off' if killed.off else 'on':4}  "
        print(f"{row}{killed.recovered_s:13.1f} s  {killed.exit_code:4}  {left}", flush=True)
    print(f"{sum(killed.clean for killed in done)} of {len(done)} recovered")
    sys.exit(0 if all(killed.clean for killed in done) else 1)


def kill_one(cluster: throwaway.Cluster, after_s: float, *, hub: bool) -> Killed:
    """Start a drill, kill its driver after a time, recover, and compare with what was seen before."""
    api = Api(cluster.kubeconfig)
    before = take_snapshot(api)
    with tempfile.TemporaryDirectory() as out:
        begun_s = time.monotonic()
        driver = subprocess.Popen(
            _drill(cluster.layout.cluster_id, out, hub=hub), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            while time.monotonic() < begun_s + after_s and driver.poll() is None:
                time.sleep(POLL_S)
        finally:
            driver.send_signal(signal.SIGKILL)
            driver.wait()
        killed_s = time.monotonic()
        entries, off = _on_record(Path(out)), not _has_power(cluster)
        done = _recover(cluster)
        recovered_s = time.monotonic() - killed_s
    left = [str(each) for each in differences(before, take_snapshot(api))]
    if not all(
        throwaway.Cluster(read_record(cluster.layout.directory)).has_power(node) for node in cluster.layout.nodes
    ):
        left.append("a node is off")
    again = "nothing to recover" in _recover(cluster).stdout
    return Killed(killed_s - begun_s, entries, off, recovered_s, done.returncode, left, again)


def _drill(cluster_id: str, out: str, *, hub: bool) -> list[str]:
    if not hub:
        return [*WORKBENCH, "cluster", "drill", NODE, "--toleration", "5", "--out", out, "--cluster", cluster_id]
    drill = ["drill", "broker-loss", "--target", "kubernetes", "--manifests", "manifests/overlays/throwaway"]
    return [*WORKBENCH, "cluster", "run", "--cluster", cluster_id, "--", *WORKBENCH, *drill, "--out", out]


def _recover(cluster: throwaway.Cluster) -> subprocess.CompletedProcess[str]:
    command = [*WORKBENCH, "recover", "--kubeconfig", str(cluster.kubeconfig)]
    return subprocess.run(command, capture_output=True, text=True, timeout=RECOVER_MAX_S, check=False)


def _has_power(cluster: throwaway.Cluster) -> bool:
    now = throwaway.Cluster(read_record(cluster.layout.directory))
    return now.has_power(now.node(NODE))


def _on_record(out: Path) -> str:
    """Return what the run's own copy of the record tells last, and how far the drill of a hub had come."""
    records = list(out.glob("*/*/safety/undo.json"))
    if not records:
        return "nothing yet"
    entries = read_drill_record(records[0].read_text()).entries
    told = timeline.read(RunFolder(records[0].parents[1]).timeline)
    phase = f" in {told[-1].kind}" if told else ""
    return (entries[-1].fault if entries else "no entry") + phase


if __name__ == "__main__":
    main()
