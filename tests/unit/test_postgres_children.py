"""Postgres's processes are told apart by their titles."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from workbench.target.local.postgres_children import WalSender


@pytest.mark.parametrize(
    ("words", "sent_bytes"),
    [
        (["postgres: walsender postgres 127.0.0.1(51912) streaming 0/3000148   "], 0x3000148),
        (["postgres: walsender postgres 127.0.0.1(51912) streaming 2/10"], (2 << 32) + 0x10),
        (["postgres: walsender postgres 127.0.0.1(51912) startup"], -1),
        ([], -1),
    ],
)
def test_a_wal_sender_says_how_far_it_is(words: list[str], sent_bytes: int) -> None:
    """As PostgreSQL writes a position of its log; before it streams it says nothing."""
    process: Any = SimpleNamespace(cmdline=lambda: words)
    assert WalSender("postgres-2", process).sent_bytes == sent_bytes
