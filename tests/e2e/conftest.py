"""A real Kubernetes of its own for each file of tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from workbench.errors import MachineTrouble
from workbench.target.throwaway.building import built_programs
from workbench.target.throwaway.cluster import Cluster, remove, up
from workbench.target.throwaway.kubectl import Kubectl
from workbench.target.throwaway.machine import check_machine
from workbench.target.throwaway.record import read_record


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster of two workers and six nodes of KWOK's, for all tests of a file."""
    try:
        check_machine()
    except MachineTrouble as trouble:
        pytest.skip(str(trouble))
    made = up(workers=2, progress=lambda text: print(text, file=sys.stderr), fake_nodes=6)
    yield made
    remove(read_record(made.layout.directory))


@pytest.fixture
def kubectl(cluster: Cluster) -> Kubectl:
    """The cluster's own kubectl."""
    return Kubectl(built_programs(lambda _: None), cluster.kubeconfig)
