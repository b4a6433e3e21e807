"""What goes on without a control plane: a killed container starts again, connections to a Service are answered."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from workbench.drill.nodes import connecting as connecting_module
from workbench.errors import ToolFailed
from workbench.target.kubernetes.agent import containers
from workbench.target.kubernetes.api import Api, api_failures
from workbench.target.throwaway.cluster import Cluster
from workbench.waiting import happens

RESTART_TIMEOUT_S = 60.0
LOOK_S = 0.05
END_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Container:
    """The only container of a pod, and its first process as this machine numbers it."""

    pod_uid: str
    process_id: int


def container_of(api: Api, namespace: str, pod: str) -> Container | None:
    """Return a pod's container, None while it does not run."""
    with api_failures(f"pod {pod} could not be read"):
        uid = api.core.read_namespaced_pod(pod, namespace).metadata.uid
    found = processes_of(uid)
    return Container(uid, found[0]) if len(found) == 1 else None


def processes_of(pod_uid: str) -> list[int]:
    """Return the first process of each running container of a pod."""
    return [process_id for process_id, (uid, _, _) in containers().items() if uid == pod_uid]


def killed_and_back_s(container: Container) -> float:
    """Kill a container; return how long (s) until its kubelet runs it again. Raises ToolFailed when it does not."""
    os.kill(container.process_id, signal.SIGKILL)
    killed_s = time.time()

    def runs_again() -> bool:
        return any(each != container.process_id for each in processes_of(container.pod_uid))

    if not happens(runs_again, RESTART_TIMEOUT_S, LOOK_S):
        raise ToolFailed(f"a killed container does not run again after {RESTART_TIMEOUT_S:.0f} s")
    return time.time() - killed_s


@contextmanager
def connecting(
    cluster: Cluster, node: str, address: str, port: int
) -> Iterator[Callable[[], list[tuple[float, bool]]]]:
    """Connect to a Service from a node's network for the block's time; what it is given returns every attempt so far.

    An attempt is its moment (epoch s) and whether somebody answered.
    """
    network = f"--net={cluster.record.nodes[node].namespace('net')}"
    script = str(Path(str(connecting_module.__file__)))
    log = cluster.layout.directory / "connecting.jsonl"
    with (
        log.open("w") as output,
        subprocess.Popen(["nsenter", network, sys.executable, script, address, str(port)], stdout=output) as process,
    ):
        try:
            yield lambda: [(each["t"], each["ok"]) for each in map(json.loads, log.read_text().splitlines()[:-1])]
        finally:
            process.terminate()
            process.wait(END_TIMEOUT_S)
