"""Stopping processes and letting them go on, with real ones (sleep)."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from tests.support.waiting import wait_for
from workbench.target.local.frozen import all_frozen, freeze, is_frozen, let_go_on, thaw_children

PARENT = "import subprocess; subprocess.run(['sleep', '60'])"


@pytest.fixture
def family() -> Iterator[tuple[psutil.Process, psutil.Process]]:
    """Return a process and its child."""
    with subprocess.Popen([sys.executable, "-c", PARENT]) as parent:
        first = psutil.Process(parent.pid)
        wait_for(lambda: bool(first.children()), 20.0, "the child runs")
        (child,) = first.children()
        yield first, child
        let_go_on([first, child])
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def test_a_server_whose_child_is_stopped_gets_it_back(family: tuple[psutil.Process, psutil.Process]) -> None:
    """The parent never was stopped; a second time changes nothing."""
    parent, child = family
    assert freeze(child)
    assert is_frozen(child.pid)
    assert not all_frozen(family)
    thaw_children(parent.pid)
    assert not is_frozen(child.pid)
    thaw_children(parent.pid)


def test_what_has_ended_is_neither_stopped_nor_let_go_on(family: tuple[psutil.Process, psutil.Process]) -> None:
    """Nor is it an error."""
    parent, child = family
    child.kill()
    wait_for(lambda: not parent.is_running() or not parent.children(), 20.0, "the child is gone")
    assert not is_frozen(child.pid)
    let_go_on([child])
    thaw_children(child.pid)
