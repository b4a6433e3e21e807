"""Faults and their victims in a scenario file."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from tests.unit.test_scenario import changed, problems_of, write
from workbench.errors import BadInput
from workbench.fault import PARTS, ROLES, SIGNAL_NAMES, FaultType, StoredData
from workbench.scenario import find_scenario, read_scenario, read_with_hub
from workbench.scenario.form import Role


@pytest.mark.parametrize(
    ("fault", "bound"),
    [
        ("type: ProcessorKill\n    victim: {broker: 1}", "ProcessorKill with a victim of {processor: <index>}"),
        ("type: BrokerKill\n    victim: {role: redis}", "BrokerKill with a victim of {broker: <id>}"),
        (
            "type: PostgresPrimaryKill\n    victim: {processor: 0}",
            "PostgresPrimaryKill with a victim of {role: primary}",
        ),
        (
            "type: RedisKill\n    victim: {role: redis, broker: 1}",
            "either broker (an id), brokers (two ids), processor (an index), node (a name) or role",
        ),
    ],
)
def test_a_fault_hits_servers_of_its_own_kind(tmp_path: Path, fault: str, bound: str) -> None:
    """The problem names what would be right."""
    text = changed(("type: BrokerKill\n    victim: {broker: 1}", fault))
    (problem,) = problems_of(write(tmp_path, text))
    assert problem.bound.startswith(bound)


def test_only_who_replicates_a_killed_broker_or_primary_can_lag(tmp_path: Path) -> None:
    """An orderly stop waits for them."""
    (problem,) = problems_of(write(tmp_path, changed(("BrokerKill", "BrokerStop\n    lag_s: 5"))))
    assert problem.bound.startswith("lag_s (seconds) with BrokerKill and PostgresPrimaryLoss")
    assert read_scenario(find_scenario("postgres-failover-lagging")).faults[0].lag_s == 5.0


def test_only_a_killed_redis_can_lose_its_data(tmp_path: Path) -> None:
    """Any other fault keeps what was stored; left out, Redis keeps it too."""
    (problem,) = problems_of(write(tmp_path, changed(("at_s: 0", "data: lost"))))
    assert problem.bound.startswith("data: lost with RedisKill")
    kept, lost = (read_scenario(find_scenario(name)).faults[0].data for name in ("redis-loss", "redis-loss-cold-cache"))
    assert (kept, lost) == (StoredData.KEPT, StoredData.LOST)


def test_a_processor_that_the_hub_does_not_have_is_named(tmp_path: Path) -> None:
    """As a broker is."""
    text = changed(("type: BrokerKill\n    victim: {broker: 1}", "type: ProcessorKill\n    victim: {processor: 7}"))
    with pytest.raises(BadInput) as caught:
        read_with_hub(write(tmp_path, text))
    (problem,) = caught.value.problems
    assert (problem.key, problem.bound) == ("faults[0].victim.processor", "an event processor of the hub: 0 to 1")


def test_every_role_is_some_parts() -> None:
    """What the form lets through, a target can resolve."""
    assert sorted(get_args(Role)) == sorted({role for roles in ROLES.values() for role in roles})
    assert set(PARTS) == set(SIGNAL_NAMES) == set(FaultType)
