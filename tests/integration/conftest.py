"""One embedded hub for all tests that need one: real servers take seconds to start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from workbench.fault import RestartRule
from workbench.scenario import PROJECT_ROOT
from workbench.target.local import LocalHub, start
from workbench.topology import read_topology


@pytest.fixture(scope="session")
def hub() -> Iterator[LocalHub]:
    """Return the base manifests' hub under the kubelet's rules; a test that breaks it makes it whole again."""
    topology = read_topology(PROJECT_ROOT / "manifests" / "base")
    with start(topology, seed=7, restart=RestartRule.KUBELET_RULES) as started:
        yield started
