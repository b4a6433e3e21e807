"""What tests on a cluster of their own share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psutil
import pytest

from workbench.errors import MachineTrouble
from workbench.target.throwaway.cluster import Cluster, remove, up
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
