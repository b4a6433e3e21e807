"""Where clusters keep their things: below <cache>, and a group of the same name in every cgroup controller."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from workbench.cache import cache_directory

CGROUPS: Final = Path("/sys/fs/cgroup")  # cgroup v1: a folder a controller
CGROUP_ROOT: Final = "hub-workbench"  # below each controller; a folder a cluster, a folder a node


def throwaway_directory() -> Path:
    """Return the folder of everything that clusters need and leave."""
    return cache_directory() / "throwaway"


def clusters_directory() -> Path:
    """Return the folder of all clusters; each is a folder named by its id."""
    return throwaway_directory() / "clusters"


def images_directory() -> Path:
    """Return the folder of images' archives, made if missing."""
    folder = throwaway_directory() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def go_directory() -> Path:
    """Return Go's own caches: downloaded modules and compiled packages."""
    return throwaway_directory() / "go"


@contextmanager
def only_one(lock: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a lock among all processes, calling `waiting` before any wait; the kernel lets go when its holder dies."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
