"""What this machine must have before anything is built or started: all that is missing is told at once."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from workbench.errors import MachineTrouble
from workbench.target.throwaway.places import CGROUPS, throwaway_directory

# program -> the Debian package that has it
PROGRAMS: Final = {
    "containerd": "containerd",
    "containerd-shim-runc-v2": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "etcd": "etcd-server",
    "etcdctl": "etcd-client",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "setsid": "util-linux",
    "unshare": "util-linux",
    "mount": "mount",
    "busybox": "busybox-static",
}
CNI_PLUGINS: Final = Path("/usr/lib/cni")
NEEDED_PLUGINS: Final = ("bridge", "host-local", "loopback", "portmap")
CGROUP_CONTROLLERS: Final = ("cpu", "cpuacct", "cpuset", "memory", "pids", "devices", "freezer", "blkio")
NAMESPACES: Final = ("net", "pid", "mnt", "uts", "ipc")
FREE_MEMORY_BYTES: Final = 5 << 30  # four nodes and their pods without the hub, with room
FREE_DISK_BYTES: Final = 8 << 30  # Go's caches 4 GB, programs, images and four nodes' disks


@dataclass(frozen=True)
class Lack:
    """One thing that is missing."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}: {self.remedy}"


def check_machine() -> None:
    """Raise MachineTrouble that names everything a cluster lacks here, with what to do about it."""
    lacks = [*_privileges(), *_programs(), *_kernel(), *_room()]
    if lacks:
        raise MachineTrouble("\n  ".join(["no cluster can be made on this machine:", *map(str, lacks)]))


def _privileges() -> Sequence[Lack]:
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return [Lack(f"it is {platform.system()} on {platform.machine()}", "a cluster needs Linux on x86_64")]
    return [] if os.geteuid() == 0 else [Lack("no root", "network namespaces and containers need it; run it with sudo")]


def _programs() -> Sequence[Lack]:
    packages = {package for program, package in PROGRAMS.items() if shutil.which(program) is None}
    if any(not (CNI_PLUGINS / plugin).exists() for plugin in NEEDED_PLUGINS):
        packages.add("containernetworking-plugins")
    if not packages:
        return []
    return [
        Lack("programs are missing", f"make cluster installs them, or: apt-get install {' '.join(sorted(packages))}")
    ]


def _kernel() -> Sequence[Lack]:
    lacks = []
    missing = [name for name in CGROUP_CONTROLLERS if not (CGROUPS / name).is_dir()]
    if (CGROUPS / "cgroup.controllers").exists():
        remedy = "nodes were only ever tried on version 1: boot with systemd.unified_cgroup_hierarchy=0"
        lacks.append(Lack("cgroups are of version 2", remedy))
    elif missing:
        lacks.append(Lack(f"no cgroup controller {', '.join(missing)}", f"mount it below {CGROUPS}"))
    absent = [name for name in NAMESPACES if not Path(f"/proc/self/ns/{name}").exists()]
    if absent:
        lacks.append(Lack(f"the kernel has no namespaces of kind {', '.join(absent)}", "a kernel with them"))
    if "overlay" not in Path("/proc/filesystems").read_text():
        lacks.append(Lack("the kernel has no overlay file system", "load it: modprobe overlay"))
    return lacks


def _room() -> Sequence[Lack]:
    lacks = []
    memory = psutil.virtual_memory().available
    if memory < FREE_MEMORY_BYTES:
        lacks.append(Lack(f"{memory / 2**30:.1f} GiB of free memory", f"{FREE_MEMORY_BYTES >> 30} are needed"))
    directory = throwaway_directory()
    directory.mkdir(parents=True, exist_ok=True)
    disk = shutil.disk_usage(directory).free
    if disk < FREE_DISK_BYTES:
        lacks.append(Lack(f"{disk / 2**30:.1f} GiB of free disk at {directory}", f"{FREE_DISK_BYTES >> 30} are needed"))
    return lacks
