"""Order of the tests: quick ones first, those with real servers last.

A hub that stays up between tests has client threads of its own; by running last they cannot disturb tests
that count on being alone in the process (hypothesis notices any other use of the global random state).
"""

from __future__ import annotations

import pytest

ORDER = ("unit", "theory", "golden", "integration")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by folder, and within one keep the order as collected."""
    items.sort(key=lambda item: next((rank for rank, name in enumerate(ORDER) if name in item.path.parts), len(ORDER)))
