"""What the code gives now is what tests/golden/expected holds, byte for byte (`make golden` rewrites it)."""

from __future__ import annotations

import pytest

from tests.golden.cases import CASES, EXPECTED


@pytest.mark.parametrize("name", CASES)
def test_nothing_moved_unnoticed(name: str) -> None:
    """The case gives its golden file again."""
    assert CASES[name]().splitlines() == (EXPECTED / name).read_text().splitlines()


def test_every_golden_file_has_its_case() -> None:
    """No file is left of a case that is gone."""
    assert {path.name for path in EXPECTED.iterdir()} == set(CASES)
