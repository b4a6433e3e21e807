"""What unit tests of several files share."""

from __future__ import annotations

import os

import pytest

from tests.support.rendered_samples import Samples


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """Return the sample runs with their pages, in a folder with a space in its path that all test processes share."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    return Samples(shared / "sample runs")
