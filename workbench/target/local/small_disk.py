"""A broker's disk of its own, small enough to be filled: a tmpfs that only the hub's processes see.

The supervisor mounts it in a mount namespace of its own (unshare(2), mount_namespaces(7)). Every server that it starts
lives in there; nobody else sees the mount, except by way of /proc/<supervisor>/root (proc(5)). The kernel takes it away
with the last process in it, however that ended, so nothing has to be cleaned up after a kill. It needs root.
"""

from __future__ import annotations

import ctypes
import errno
import os
import time
from pathlib import Path
from typing import Final

from workbench.errors import MachineTrouble, ToolFailed

DISK_BYTES: Final = 256 * 1024 * 1024  # what a broker writes in an hour at 300 events/s of 400 bytes is below this
FILLER: Final = "filler"
CLONE_NEWNS: Final = 0x0002_0000  # linux/sched.h
MS_REC_PRIVATE: Final = 0x4000 | 1 << 18  # linux/mount.h: nothing that is mounted here shows elsewhere
CHUNKS_BYTES: Final = (1 << 20, 4096)  # a tmpfs gives out pages: the small ones fill what the large ones leave


def check_possible() -> None:
    """Raise MachineTrouble where this user cannot mount."""
    if os.geteuid() != 0:
        raise MachineTrouble("a broker's small disk is a file system that has to be mounted: run as root")


def mount(path: Path) -> None:
    """Mount a small disk at an empty folder, in a namespace of this process. Raises OSError.

    To be called from a process with one thread, before it starts what is to see the disk.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    path.mkdir(mode=0o700, exist_ok=True)
    _check(libc.unshare(CLONE_NEWNS), "unshare")
    _check(libc.mount(None, b"/", None, MS_REC_PRIVATE, None), "a private mount namespace")
    options = f"size={DISK_BYTES},mode=700".encode()
    _check(libc.mount(b"hub-workbench", os.fsencode(path), b"tmpfs", 0, options), f"tmpfs at {path}")


def _check(code: int, what: str) -> None:
    if code:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def seen_from_outside(supervisor: int, path: Path) -> Path:
    """Return where a disk that is mounted at `path` for the supervisor's processes is to be found by others."""
    return Path(f"/proc/{supervisor}/root") / path.relative_to("/")


def is_small_disk(folder: Path) -> bool:
    """Tell whether a folder is the root of a small disk."""
    try:
        return os.path.ismount(folder) and _bytes(folder)[0] == DISK_BYTES
    except OSError:
        return False


def fill(disk: Path) -> float:
    """Write a file until nothing more fits, and return when that was, epoch s. Raises ToolFailed for another error."""
    total, _ = _bytes(disk)
    with (disk / FILLER).open("wb", buffering=0) as file:
        for chunk in CHUNKS_BYTES:
            block = bytes(chunk)
            for _ in range(total // chunk + 1):
                try:
                    file.write(block)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise ToolFailed(f"{disk}: {error}") from error
                    break
    return time.time()


def free(disk: Path) -> float:
    """Remove that file, if it is there, and return when, epoch s. Raises ToolFailed when nothing is free then."""
    (disk / FILLER).unlink(missing_ok=True)
    if free_bytes(disk) == 0:
        raise ToolFailed(f"{disk} is full without the file that filled it")
    return time.time()


def free_bytes(disk: Path) -> int:
    """Return how much still fits."""
    return _bytes(disk)[1]


def _bytes(folder: Path) -> tuple[int, int]:
    """Return a file system's size and what is free of it."""
    found = os.statvfs(folder)
    return found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
