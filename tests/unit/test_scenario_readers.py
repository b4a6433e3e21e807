"""Readers in a scenario file."""

from __future__ import annotations

from pathlib import Path

from tests.unit.test_scenario import changed, problems_of, write
from workbench.scenario import find_scenario, read_scenario
from workbench.workload import Readers


def test_readers_are_there_if_they_are_stated(tmp_path: Path) -> None:
    """Nobody reads by default; both numbers are needed, each in its bounds."""
    assert read_scenario(find_scenario("broker-loss")).workload.readers is None
    path = write(tmp_path, changed(("  acks: all", "  acks: all\n  readers: {users: 20, requests_per_s: 50}")))
    assert read_scenario(path).workload.readers == Readers(20, 50.0)
    path = write(tmp_path, changed(("  acks: all", "  acks: all\n  readers: {users: 0, request_per_s: 50}")))
    found = {problem.key for problem in problems_of(path)}
    assert found == {"load.readers.users", "load.readers.requests_per_s", "load.readers.request_per_s"}
