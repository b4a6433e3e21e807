"""A real Kubernetes of its own for each file of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.throwaway import a_cluster
from workbench.target.throwaway.building import built_programs
from workbench.target.throwaway.cluster import Cluster
from workbench.target.throwaway.kubectl import Kubectl


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster of two workers and six nodes of KWOK's, for all tests of a file."""
    with a_cluster(workers=2, fake_nodes=6) as made:
        yield made


@pytest.fixture
def kubectl(cluster: Cluster) -> Kubectl:
    """The cluster's own kubectl."""
    return Kubectl(built_programs(lambda _: None), cluster.kubeconfig)
