"""Probes that wait for a hub: what they make of its answers, not whether they can reach it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.model_cases import a_topology
from workbench.chaos import probes
from workbench.errors import ToolFailed
from workbench.target.port import PartitionState, ProcessStart


class AHub:
    """One partition led by broker 0; how many records wait is answered from a list, whose last item stays."""

    topology = a_topology()

    def __init__(self, waiting: list[int | Exception]) -> None:
        self.waiting = waiting
        self.asked = 0

    def waiting_records(self) -> int:
        """Return, or raise, the next answer."""
        answer = self.waiting[min(self.asked, len(self.waiting) - 1)]
        self.asked += 1
        if isinstance(answer, Exception):
            raise answer
        return answer

    def registered_brokers(self) -> frozenset[int]:
        """Return the only broker."""
        return frozenset({0})

    def process_starts(self, _server: str) -> list[ProcessStart]:
        """Return that it runs."""
        return [ProcessStart(1, 0.0, math.nan, "")]

    def partition_states(self) -> dict[str, PartitionState]:
        """Return a partition that takes writes."""
        state: Any = SimpleNamespace(leader=0, isr=(0,), replicas=(0,))
        return {"alerts-0": state}


def serving(hub: AHub, monkeypatch: pytest.MonkeyPatch, timeout_s: float, calm_s: float, poll_s: float = 0.005) -> bool:
    """Ask the probe about a hub, with hardly a pause between its looks unless given."""

    @contextmanager
    def found(_target: str, _hub: str) -> Iterator[AHub]:
        yield hub

    monkeypatch.setattr(probes, "find", found)
    monkeypatch.setattr(probes, "POLL_S", poll_s)
    return probes.serving_within(timeout_s, calm_s)


def test_a_leader_that_cannot_tell_its_records_yet_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """OFFSET_NOT_AVAILABLE comes just after leaders have moved; the wait goes on instead of breaking off."""
    hub = AHub([ToolFailed("Leader high watermark is not caught up"), 5_000, 0])
    assert serving(hub, monkeypatch, 60.0, 0.05)
    assert hub.asked > 3


def test_a_hub_that_never_answers_does_not_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the time-out; a pause between two looks that is longer than the calm asked for is no calm."""
    assert not serving(AHub([ToolFailed("no broker answers")]), monkeypatch, 0.05, 0.01)
    assert not serving(AHub([ToolFailed("no broker answers")]), monkeypatch, 0.05, 0.01, poll_s=0.03)
