"""The models of choices that no drill plays: worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.model_cases import a_scenario
from workbench.drill.possible import check_possible
from workbench.errors import BadInput
from workbench.model.client_library import library_rows
from workbench.model.kubegres_rebuild import blocked_s
from workbench.model.parameter import FloatArray
from workbench.model.preferred_leaders import leads_again_s, led_share
from workbench.model.redis_persistence import Persistence, lost_s, messages_missed, save_interval_s
from workbench.model.unclean_election import records_lost, served_again_s
from workbench.workload import ClientLibrary

SHARES: FloatArray = np.array([0.0, 0.5, 1.0])


@pytest.mark.parametrize(("changes_per_s", "interval_s"), [(300.0, 60.0), (100.0, 100.0), (1.0, 300.0), (0.01, 3600.0)])
def test_a_snapshot_begins_at_the_first_save_point_that_is_reached(changes_per_s: float, interval_s: float) -> None:
    """10,000 changes in a minute, or 100 in five, or one in an hour: whichever comes first, and no sooner."""
    assert save_interval_s(changes_per_s) == interval_s


def test_snapshots_are_as_redis_takes_them() -> None:
    """Its cron, ten times a second: the time since the last save and the changes since then, at 120 changes/s."""
    last_s, begun_s = 0.0, []
    for tick in range(1, 10_000):
        now_s = tick / 10.0
        passed_s, changes = now_s - last_s, 120.0 * (now_s - last_s)
        if any(passed_s > seconds and changes >= least for seconds, least in ((3600, 1), (300, 100), (60, 10_000))):
            begun_s.append(now_s - last_s)
            last_s = now_s
    assert np.mean(begun_s) == pytest.approx(save_interval_s(120.0), rel=0.01)


def test_nothing_is_saved_where_nothing_changes() -> None:
    """There is no interval to tell."""
    with pytest.raises(ValueError, match="nothing changes"):
        save_interval_s(0.0)


def test_what_redis_forgets() -> None:
    """A killed process nothing with an append-only file, its machine a second; a snapshot's age; all without either."""

    def gone(persistence: Persistence, power: bool) -> list[float]:
        found = lost_s(persistence, power=power, changes_per_s=300.0, data_bytes=2.5e8, share=SHARES)
        return [float(each) for each in found]

    assert gone(Persistence.APPEND_ONLY, power=False) == [0.0, 0.0, 0.0]
    assert gone(Persistence.APPEND_ONLY, power=True) == [0.0, 0.5, 1.0]
    assert gone(Persistence.SNAPSHOTS, power=False) == [1.0, 31.0, 61.0]
    assert gone(Persistence.NONE, power=False) == [np.inf] * 3
    assert messages_missed(300.0, SHARES).tolist() == [0.0, 150.0, 300.0]


def test_the_only_replica_is_waited_for_unless_elections_may_be_unclean() -> None:
    """Led by one that is behind it is served sooner, and what that lacks is lost."""
    elected_s, returned_s = np.array([17.0]), np.array([35.0])
    assert served_again_s(False, elected_s, returned_s) == 35.0
    assert served_again_s(True, elected_s, returned_s) == 17.0
    assert records_lost(True, 25.0, 12.0) == 300.0
    assert records_lost(False, 25.0, 12.0) == 0.0


def test_a_broker_leads_again_at_the_controllers_next_look() -> None:
    """At most five minutes after it is whole; until then two lead what three should."""
    assert leads_again_s(np.full(3, 40.0), SHARES).tolist() == [40.0, 190.0, 340.0]
    assert led_share(3) == 0.5
    with pytest.raises(ValueError, match="no survivors"):
        led_share(1)


def test_no_second_fail_over_while_a_standby_is_copied() -> None:
    """270 s of checkpoint, 20 of copying, after 40; a fast checkpoint saves nearly all; no longer than the time-out."""
    writes_s, rate = np.array([25.0, 55.0]), np.full(2, 5e7)
    assert blocked_s(writes_s, 1e9, rate, 270.0).tolist() == [330.0, 345.0]
    assert blocked_s(writes_s, 1e9, rate, 2.0).tolist() == [62.0, 77.0]
    assert blocked_s(writes_s, 1e11, rate, 2.0).tolist() == [340.0, 355.0]


def test_other_clients_are_predicted_and_not_driven() -> None:
    """The load is librdkafka's: a drill says so before anything is started."""
    workload = a_scenario().workload
    java = replace(a_scenario(), workload=replace(workload, library=ClientLibrary.JAVA))
    with pytest.raises(BadInput, match="librdkafka"):
        check_possible(java, on_cluster=False)
    check_possible(a_scenario(), on_cluster=False)


def test_each_library_says_where_its_defaults_are_from() -> None:
    """And both say the same things, so that no prior is asked for what is not there."""
    needed = {f"client_{name}_s" for name in ("request_timeout", "fetch_more", "looks", "resends", "refetches")}
    for library in ClientLibrary:
        rows = library_rows(library)
        assert needed <= rows.keys()
        assert all(row.origin for row in rows.values())
