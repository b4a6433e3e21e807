"""The control groups of a cluster's nodes (version 1: the same folder below every controller)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil

from workbench.errors import ToolFailed
from workbench.target.throwaway.places import CGROUP_ROOT, CGROUPS

EMPTY_TIMEOUT_S: Final = 10.0
POLL_S: Final = 0.05
VERSION_2: Final = "unified"  # mounted beside version 1, without controllers; runc makes groups there too
CPU: Final = "cpu"
SHARES: Final = "cpu.shares"
SHARES_A_CORE: Final = 1024  # what the kubelet gives its pods' group for each of the node's cores
SHARES_MAX: Final = 262_144  # the kernel's own bound
CPUSET: Final = ("cpuset.cpus", "cpuset.mems")  # empty in a new group, and nothing may run in it until they are set


def make_groups(*names: str) -> None:
    """Make the group <root>/<names...> of a node in every controller, and weigh it as a machine of its own.

    A new group has the weight of one process of this machine, which all pods of a cluster would then share.
    """
    for controller in _controllers():
        if controller.name == VERSION_2:
            continue
        group = controller
        for name in (CGROUP_ROOT, *names):
            parent, group = group, group / name
            group.mkdir(exist_ok=True)
            for file in CPUSET:
                if (parent / file).exists() and not (group / file).read_text().strip():
                    (group / file).write_text((parent / file).read_text())

    _weigh(CGROUPS / CPU / CGROUP_ROOT, *names)


def _weigh(root: Path, *names: str) -> None:
    """Give a node's group the weight of all cores, and each group above it that of all nodes in it."""
    shares = root.joinpath(*names, SHARES)
    if not shares.exists():
        return
    shares.write_text(str(SHARES_A_CORE * (psutil.cpu_count() or 1)))
    for group in shares.parents[1 : 1 + len(names)]:
        inside = [int((path / SHARES).read_text()) for path in group.iterdir() if path.is_dir()]
        (group / SHARES).write_text(str(min(sum(inside), SHARES_MAX)))


def remove_groups(*names: str) -> None:
    """Remove the group <root>/<names...> and all below it. Raises ToolFailed when something still runs in one."""
    deadline_s = time.monotonic() + EMPTY_TIMEOUT_S
    while left := [path for controller in _controllers() for path in _remove(controller.joinpath(CGROUP_ROOT, *names))]:
        if time.monotonic() > deadline_s:
            raise ToolFailed(f"control groups are still in use: {', '.join(map(str, left))}")
        time.sleep(POLL_S)
    for controller in _controllers():
        with contextlib.suppress(OSError):  # another cluster's groups are in it, or it was never made
            (controller / CGROUP_ROOT).rmdir()


def _controllers() -> Iterator[Path]:
    """Return each controller's mount."""
    yield from (path for path in sorted(CGROUPS.iterdir()) if path.is_dir())


def _remove(group: Path) -> list[Path]:
    """Remove what can be removed, the deepest first; return what stayed."""
    left = []
    for path in sorted([group, *group.rglob("*/")], key=lambda path: -len(path.parts)):
        if path.is_dir():
            try:
                path.rmdir()
            except FileNotFoundError:
                continue
            except OSError:  # busy: its last process is still being reaped
                left.append(path)
    return left
