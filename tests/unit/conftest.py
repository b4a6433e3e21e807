"""What unit tests of several files share."""

from __future__ import annotations

import pytest

from tests.support.rendered_samples import Samples


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """Return the sample runs, in a folder with a space in its path."""
    return Samples(tmp_path_factory.mktemp("sample runs"))
