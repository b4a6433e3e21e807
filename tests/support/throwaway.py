"""What tests on a cluster of their own share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
import pytest

from workbench.errors import MachineTrouble
from workbench.target.throwaway.cluster import Cluster, remove, up
from workbench.target.throwaway.kubectl import Kubectl
from workbench.target.throwaway.machine import check_machine
from workbench.target.throwaway.record import read_record

BUILD_S: Final = 2400  # Kubernetes is built where no start was before


def say(text: str) -> None:
    """Tell progress where pytest shows it."""
    print(text, file=sys.stderr)


@contextmanager
def a_cluster(workers: int, fake_nodes: int = 0) -> Iterator[Cluster]:
    """A cluster of this test's own, removed at the end; the test is skipped, with the reason, where none can be."""
    try:
        check_machine()
    except MachineTrouble as trouble:
        pytest.skip(str(trouble))
    made = up(workers=workers, progress=say, fake_nodes=fake_nodes)
    yield made
    remove(read_record(made.layout.directory))


def processes_naming(text: str) -> list[str]:
    """Return the command lines of all processes in which `text` stands."""
    lines = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    return [line for line in lines if text in line]


def kill_in_place(kubectl: Kubectl, namespace: str, pod: str, program: str) -> None:
    """SIGKILL the one process of a pod that runs `program`: its container dies where it is, the pod stays."""
    pods = kubectl.items("pods", f"--namespace={namespace}")
    uid = next(each["metadata"]["uid"] for each in pods if each["metadata"]["name"] == pod)
    (process,) = [each for each in psutil.process_iter() if _runs(each, program) and uid in _cgroups(each)]
    process.kill()


def _runs(process: psutil.Process, program: str) -> bool:
    try:
        return Path(process.exe()).name == program
    except psutil.Error:  # ended meanwhile, or the kernel's own
        return False


def _cgroups(process: psutil.Process) -> str:
    try:
        return Path(f"/proc/{process.pid}/cgroup").read_text()
    except OSError:  # ended meanwhile
        return ""
