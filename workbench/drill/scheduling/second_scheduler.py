"""A second kube-scheduler of the cluster's own build, for pods that name it: with a log of every score.

It runs in the network of the control plane's node with the scheduler's own identity, and ends with the block,
or with this process (prctl(2), PR_SET_PDEATHSIG): a later one would share its pods with it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from workbench.errors import MachineTrouble, ToolFailed
from workbench.target.throwaway.building import built_programs
from workbench.target.throwaway.cluster import Cluster
from workbench.waiting import happens

NAME: Final = "placements"
START_TIMEOUT_S: Final = 60.0
END_TIMEOUT_S: Final = 20.0
POLL_S: Final = 0.2
REQUESTS_PER_S: Final = 1000  # its choices are looked at here, not its pace


@contextmanager
def second_scheduler(cluster: Cluster, folder: Path) -> Iterator[Path]:
    """Run it for the block's time; yield its log. Raises ToolFailed when it does not start or ends early."""
    init = cluster.record.nodes.get(cluster.layout.control_plane.name)
    if init is None:
        raise MachineTrouble("the control plane has no power")
    settings = folder / "scheduler.yaml"
    settings.write_text(yaml.safe_dump(_configuration(cluster)))
    log = folder / "scheduler.log"
    program = str(built_programs(lambda _: None)["kube-scheduler"])
    options = [f"--config={settings}", "--secure-port=0", "--v=3", "--vmodule=schedule_one=10"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "nsenter", f"--net={init.namespace('net')}", program, *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        if not happens(lambda: _has_begun(log) or process.poll() is not None, START_TIMEOUT_S, POLL_S):
            raise ToolFailed(f"the second kube-scheduler did not start within {START_TIMEOUT_S:.0f} s: see {log}")
        yield log
        if process.poll() is not None:
            raise ToolFailed(f"the second kube-scheduler ended with {process.returncode}: see {log}")
    finally:
        process.terminate()
        try:
            process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _has_begun(log: Path) -> bool:
    return b"Starting Kubernetes Scheduler" in log.read_bytes()


def _configuration(cluster: Cluster) -> dict[str, Any]:
    kubeconfig = cluster.layout.control_plane.settings / "kube-scheduler.kubeconfig"
    return {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": {"kubeconfig": str(kubeconfig), "qps": REQUESTS_PER_S, "burst": REQUESTS_PER_S},
        "leaderElection": {"leaderElect": False},
        "profiles": [{"schedulerName": NAME}],
    }
