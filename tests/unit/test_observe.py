"""Collectors and moments of the parts beside Kafka."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import ToolFailed
from workbench.observe import processors
from workbench.observe.moments import (
    broker_sessions_s,
    group_whole_s,
    keeper_leads_s,
    keepers_whole_s,
    postgres_writes_s,
    redis_answers_s,
    standbys_connected_s,
    standbys_lost_s,
    started_again_s,
    states_current_s,
)
from workbench.observe.processors import Counters, ProcessorCollector
from workbench.target.port import ProcessStart


def sample(t_s: float, **values: Any) -> dict[str, Any]:
    """Return a sample that was asked for 0.1 s before it came."""
    return {"t": t_s, "asked": t_s - 0.1, "clock": "epoch", **values}


def test_a_counter_goes_on_where_its_last_process_left_it() -> None:
    """As Prometheus does: a value lower than before is a new process's."""
    counters = Counters()
    for value in (5.0, 9.0, 2.0, 4.0):
        counters.see({"events": value})
    assert counters.totals() == {"events": 13.0}


def test_a_dead_processor_is_no_blind_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are summed with what it had counted; nobody knows its partitions' lag. All dead: blind."""
    answers: dict[str, dict[str, float]] = {
        "a": {"events": 10.0, "assigned": 12.0, "lag_records": 3.0, "pending": 0.0},
        "b": {"events": 20.0, "assigned": 12.0, "lag_records": 4.0, "pending": 5.0},
    }

    def scrape(url: str) -> dict[str, float]:
        if url not in answers:
            raise ToolFailed(f"{url} is gone")
        return answers[url]

    monkeypatch.setattr(processors, "scrape", scrape)
    collector = ProcessorCollector(tmp_path, ["a", "b"], partitions=24)
    whole = collector.sample()
    assert (whole["events"], whole["lag_records"], whole["assigned"], whole["pending"]) == (30.0, 7.0, 24.0, 5.0)
    del answers["a"]
    one = collector.sample()
    assert (one["events"], one["assigned"], one["processors"]) == (30.0, 12.0, [10.0, 20.0])
    assert "lag_records" not in one
    answers.clear()
    with pytest.raises(ToolFailed):
        collector.sample()


def test_only_what_was_asked_after_the_death_counts() -> None:
    """A sample that was on its way when the victim died still tells of before."""
    groups = [sample(10.05, assigned=24), sample(10.3, assigned=12), sample(55.2, assigned=24)]
    assert group_whole_s(groups, 24, 10.0) == 55.2
    stores = [
        sample(10.05, standbys=2, redis=True),
        sample(10.2, standbys=None, redis=False),
        sample(11.4, standbys=0, redis=True),
        sample(15.1, standbys=2, redis=True),
    ]
    assert postgres_writes_s(stores, 10.0) == 11.4
    assert redis_answers_s(stores, 10.0) == 11.4
    assert standbys_connected_s(stores, 2, 11.4) == 15.1
    assert math.isnan(standbys_connected_s(stores, 3, 11.4))
    assert standbys_lost_s(stores, 2, 10.0) == 10.2
    pending = [sample(11.0, pending=0), sample(11.45, pending=8), sample(12.6, pending=0)]
    assert states_current_s(pending, 11.3) == 12.6


def test_an_ensemble_is_whole_when_every_server_serves() -> None:
    """A leader first, then the sessions, then the server that had died; looks from before the death tell nothing."""
    looks = [
        sample(10.02, leader=3, serving=[1, 2, 3], server_of_broker={"0": 3, "1": 1}),
        sample(10.2, leader=-1, serving=[], server_of_broker={"0": -1, "1": -1}),
        sample(10.6, leader=2, serving=[1, 2], server_of_broker={"0": -1, "1": 2}),
        sample(11.1, leader=2, serving=[1, 2], server_of_broker={"0": 1, "1": 2}),
        sample(11.8, leader=2, serving=[1, 2, 3], server_of_broker={"0": 1, "1": 2}),
    ]
    leads_s = keeper_leads_s(looks, 10.0)
    assert leads_s == 10.6
    assert broker_sessions_s(looks, leads_s) == 11.1
    assert keepers_whole_s(looks, 3, 10.0) == 11.8


def test_the_process_that_started_after_the_fault_is_the_one() -> None:
    """The first start after a time; NaN without one."""
    starts = [ProcessStart(1, 2.0, 10.0, "SIGKILL"), ProcessStart(2, 10.6, math.nan, "")]
    assert started_again_s(starts, 10.0) == 10.6
    assert math.isnan(started_again_s(starts, 11.0))
