"""What tests on a cluster of their own share."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Final

from workbench.target.throwaway.kubectl import Kubectl

BUILD_S: Final = 2400  # Kubernetes is built where no start was before


def processes_naming(text: str) -> list[str]:
    """Return the command lines of all processes in which `text` stands."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode(errors="replace")
        except OSError:  # ended meanwhile
            continue
        if text in line:
            found.append(line)
    return found


def kill_in_place(kubectl: Kubectl, namespace: str, pod: str, program: str) -> None:
    """SIGKILL the one process of a pod that runs `program`: its container dies where it is, the pod stays."""
    pods = kubectl.items("pods", f"--namespace={namespace}")
    uid = next(each["metadata"]["uid"] for each in pods if each["metadata"]["name"] == pod)
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_text(errors="replace").split("\0")
            if Path(words[0]).name == program and uid in (process / "cgroup").read_text():
                found.append(int(process.name))
        except OSError:  # ended meanwhile
            continue
    (process_id,) = found
    os.kill(process_id, signal.SIGKILL)
