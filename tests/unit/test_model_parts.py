"""The losses beside Kafka's: an event processor and its group, the Postgres primary, Redis."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from tests.support.model_cases import a_scenario, a_topology, setting_and_draws
from workbench.engine import NEVER
from workbench.errors import BadInput
from workbench.fault import Fault, FaultType, RestartRule, StoredData, VictimSelector
from workbench.model import predict
from workbench.model.course import Course, play
from workbench.model.outcome import turns
from workbench.model.parameters import Parameters, merge
from workbench.records.prediction import finite
from workbench.scenario.drill_scenario import Scenario
from workbench.topology.hub import HubTopology
from workbench.workload import CANARY_WRITES_PER_S

VICTIMS = {
    FaultType.PROCESSOR_KILL: VictimSelector(processor=0),
    FaultType.POSTGRES_PRIMARY_KILL: VictimSelector(role="primary"),
    FaultType.POSTGRES_PRIMARY_LOSS: VictimSelector(role="primary"),
    FaultType.POSTGRES_BACKEND_KILL: VictimSelector(role="processor-backend"),
    FaultType.REDIS_KILL: VictimSelector(role="redis"),
    FaultType.ZOOKEEPER_KILL: VictimSelector(role="zookeeper-leader"),
}


def a_loss(kind: FaultType, restart: RestartRule = RestartRule.KUBELET_RULES) -> Scenario:
    """Return a scenario with this fault."""
    return replace(a_scenario(restart=restart), faults=(Fault(kind, VICTIMS[kind]),))


def played(scenario: Scenario, topology: HubTopology | None = None, **fixed: float) -> Course:
    """Return one replication's course, with some draws fixed."""
    parameters = merge(scenario, topology or a_topology(), None, None)
    setting, draws = setting_and_draws(parameters, scenario)
    return play(setting, {**draws, **fixed})


def test_one_processors_death_stops_the_others_until_its_session_is_over() -> None:
    """The survivor gives its partitions up at its next heartbeat; all go on when the dead one has expired."""
    fixed = {"kubelet_relist_s": 0.5, "restart_notice_s": 0.1, "processor_start_s": 1.4, "heartbeat_phase_1": 0.9}
    course = played(
        a_loss(FaultType.PROCESSOR_KILL), group_contact_age_s=0.1, group_sync_s=0.2, group_join_s=0.1, **fixed
    )
    outage = course.disturbance.outage
    assert outage is not None
    assert outage.stops_s.tolist() == pytest.approx([0.0, 2.7])  # the heartbeat after 2.0
    assert outage.cuts.tolist() == [True, False]
    assert outage.resumes_s.tolist() == pytest.approx([45.1, 45.1])  # 45 s less the contact's age, and the sync
    assert outage.processor.tolist() == course.disturbance.processor.tolist()
    assert 45.1 <= course.moments.group_whole_s <= 45.1 + 0.25


def test_without_a_restart_the_others_work_on_and_take_over_in_the_end() -> None:
    """Nobody asks for a rebalance before the session is over; the survivor learns of it from its heartbeat."""
    course = played(
        a_loss(FaultType.PROCESSOR_KILL, RestartRule.NONE),
        group_contact_age_s=0.0,
        group_sync_s=0.2,
        group_join_s=0.1,
        heartbeat_phase_1=0.5,
    )
    outage = course.disturbance.outage
    assert outage is not None
    assert outage.stops_s[1] == pytest.approx(46.5)
    assert outage.resumes_s.tolist() == [np.inf, pytest.approx(46.8)]
    assert set(outage.processor.tolist()) == {1}


def test_processors_find_postgres_at_a_step_of_their_back_off() -> None:
    """Attempts after 0.1, 0.3, 0.7, 1.5, 2.5 s and so on; the first one that the primary answers counts."""
    fixed = {"kubelet_relist_s": 0.5, "restart_notice_s": 0.1, "postgres_start_s": 0.3, "postgres_redo_bytes": 0.0}
    course = played(
        a_loss(FaultType.POSTGRES_PRIMARY_KILL),
        first_failure_share_0=0.0,
        first_failure_share_1=1.0,
        batch_linger_s=0.05,
        postgres_connect_s=0.04,
        standby_notice_s=0.1,
        **fixed,
    )
    outage = course.disturbance.outage
    assert outage is not None
    assert outage.cuts.all()
    assert outage.resumes_s.tolist() == pytest.approx([1.54, 1.59])
    assert course.moments.postgres_started_s == pytest.approx(0.6)
    assert 0.9 <= course.moments.postgres_writes_s <= 1.0
    assert 5.1 <= course.moments.standbys_connected_s <= 5.2  # they ask every 5 s


def test_a_standby_takes_over_after_kubegres_waits() -> None:
    """Asked after 11.5 s, writable 0.2 s later; processors ask every 1.02 s by then; the rebuild ends it."""
    course = played(
        a_loss(FaultType.POSTGRES_PRIMARY_LOSS),
        kubelet_relist_s=0.5,
        promotion_notice_s=0.0,
        promotion_s=0.2,
        search_s=0.02,
        first_failure_share_0=0.0,
        first_failure_share_1=0.0,
        postgres_connect_s=0.04,
        standby_copy_s=1.0,
        replication_receive_s=0.003,
    )
    outage = course.disturbance.outage
    assert outage is not None
    # attempts at 0.12, 0.34, 0.76, 1.58 and then every 1.02 s: 1.58 + 10 * 1.02 = 11.78
    assert outage.resumes_s.tolist() == pytest.approx([11.82, 11.82])
    assert course.moments.postgres_promotion_asked_s == pytest.approx(11.5)
    assert 11.7 <= course.moments.postgres_writes_s <= 11.8
    assert 52.5 <= course.moments.standbys_connected_s <= 52.6
    assert course.rows_lost_s == 0.003


def test_rows_that_no_standby_had_are_lost() -> None:
    """The more the later the standby received them: with all of the last 5 s gone, some 5 s of the rate."""
    scenario = a_loss(FaultType.POSTGRES_PRIMARY_LOSS)
    rows = dict(merge(scenario, a_topology(), None, None).by_name)
    lost = {}
    for late_s in (0.0, 5.0):
        rows["replication_receive_s"] = replace(rows["replication_receive_s"], value=late_s)
        found = predict(scenario, a_topology(), Parameters(rows), 1, replications=10, subprocesses=0)
        lost[late_s] = np.mean(finite(found.metrics["rows_lost"]))
    per_s = scenario.workload.profile.rate_per_s + CANARY_WRITES_PER_S * len(a_topology().partition_labels)
    assert lost[0.0] == 0.0
    assert lost[5.0] == pytest.approx(5.0 * per_s, rel=0.1)


def test_what_is_committed_while_the_standbys_lag_is_lost_and_counts_as_never_written() -> None:
    """The rate times the lag; its events wait for a row that never comes, so the gap begins with the lag."""
    plain = a_loss(FaultType.POSTGRES_PRIMARY_LOSS)
    lagging = replace(plain, faults=(replace(plain.faults[0], lag_s=5.0),))
    lost, gap_s = {}, {}
    for scenario in (plain, lagging):
        parameters = merge(scenario, a_topology(), None, None)
        found = predict(scenario, a_topology(), parameters, 1, replications=10, subprocesses=0)
        lag_s = scenario.faults[0].lag_s
        lost[lag_s] = float(np.mean(finite(found.metrics["rows_lost"])))
        gap_s[lag_s] = float(np.mean(finite(found.metrics["pipeline_unavailable_s"])))
        assert len(finite(found.metrics["pipeline_drain_s"])) == 10  # what is lost keeps no backlog from draining
    per_s = plain.workload.profile.rate_per_s + CANARY_WRITES_PER_S * len(a_topology().partition_labels)
    assert lost[0.0] < 0.1 * per_s
    assert lost[5.0] == pytest.approx(5.0 * per_s, rel=0.1)
    assert gap_s[5.0] - gap_s[0.0] == pytest.approx(5.0, abs=1.0)


def test_standbys_that_lag_for_longer_than_they_wait_are_refused() -> None:
    """After wal_receiver_timeout they ask anew, and a new WAL sender would serve them."""
    scenario = a_loss(FaultType.POSTGRES_PRIMARY_LOSS)
    lagging = replace(scenario, faults=(replace(scenario.faults[0], lag_s=60.0),))
    with pytest.raises(BadInput) as refused:
        merge(lagging, a_topology(), None, None)
    assert [problem.key for problem in refused.value.problems] == ["faults[0].lag_s"]


def test_postgres_recovers_from_a_backends_death_by_itself() -> None:
    """No restart rule waits: its children end, it reads its log, and processors find it at a step of their back-off."""
    course = played(
        a_loss(FaultType.POSTGRES_BACKEND_KILL, RestartRule.NONE),
        postgres_children_end_s=0.05,
        postgres_sync_s=0.0,
        postgres_recovery_s=0.15,
        postgres_redo_bytes=3e7,
        postgres_redo_bytes_per_s=3e8,
        first_failure_share_0=0.0,
        first_failure_share_1=0.0,
        postgres_connect_s=0.04,
        standby_notice_s=0.1,
    )
    outage = course.disturbance.outage
    assert outage is not None
    assert outage.resumes_s.tolist() == pytest.approx(
        [0.34, 0.34]
    )  # attempts after 0.1 and 0.3 s, the second one in time
    assert 0.3 <= course.moments.postgres_writes_s <= 0.4
    assert 5.1 <= course.moments.standbys_connected_s <= 5.2  # their first attempt came too early
    assert np.isnan(course.moments.postgres_started_s)


def test_manifests_that_switch_the_fail_over_off_are_refused() -> None:
    """What Kubegres would not do is not predicted either."""
    topology = a_topology()
    off = replace(topology, postgres=replace(topology.postgres, failover_disabled=True))
    with pytest.raises(BadInput, match="would not fail over"):
        merge(a_loss(FaultType.POSTGRES_PRIMARY_LOSS), off, None, None)


def test_redis_is_nobodys_business_but_its_own() -> None:
    """It starts, loads its file and answers; no event waits for it. States are offered after 0.1, 0.3, 0.7, 1.5 s."""
    course = played(
        a_loss(FaultType.REDIS_KILL),
        first_failure_share_0=0.0,
        first_failure_share_1=0.0,
        state_attempt_delay_s=0.0,
        kubelet_relist_s=0.5,
        restart_notice_s=0.1,
        redis_start_s=0.05,
        redis_file_bytes=8e6,
        redis_load_bytes_per_s=8e7,
    )
    assert 0.75 <= course.moments.redis_answers_s <= 0.85
    assert 1.5 <= course.moments.states_current_s <= 1.75
    assert course.disturbance.outage is None
    assert (course.disturbance.held_until_s == NEVER).all()


def test_redis_that_lost_its_data_has_no_file_to_load() -> None:
    """It answers as soon as it has started, at the observer's next look; how fast a file is read does not matter."""
    kept = a_loss(FaultType.REDIS_KILL)
    lost = replace(kept, faults=(replace(kept.faults[0], data=StoredData.LOST),))
    fixed = {"kubelet_relist_s": 0.5, "restart_notice_s": 0.1, "redis_start_s": 0.05, "redis_load_bytes_per_s": 1e6}
    assert 0.65 <= played(lost, **fixed).moments.redis_answers_s <= 0.75
    assert played(kept, **fixed).moments.redis_answers_s >= 2.65  # the prior's least, 2 MB


def test_the_backlog_comes_broker_by_broker_and_each_partition_once() -> None:
    """The order in which partitions are fetched after an outage is a permutation that keeps each leader's together."""
    scenario = a_loss(FaultType.PROCESSOR_KILL)
    setting, _ = setting_and_draws(merge(scenario, a_topology(), None, None), scenario)
    seen = set()
    for share in (0.0, 0.2, 0.5, 0.99):
        places = turns(setting, share)
        assert sorted(places.tolist()) == list(range(len(setting.leaders)))
        leaders = [setting.leaders[index] for index in np.argsort(places)]
        changes = sum(1 for before, after in itertools.pairwise(leaders) if before != after)
        assert changes == len(set(leaders)) - 1
        seen.add(tuple(places.tolist()))
    assert len(seen) > 1


@pytest.mark.parametrize("kind", [FaultType.POSTGRES_PRIMARY_KILL, FaultType.REDIS_KILL, FaultType.ZOOKEEPER_KILL])
def test_a_store_that_stays_away_is_refused(kind: FaultType) -> None:
    """Without a restart nothing ever comes back: the model says so before anything starts."""
    with pytest.raises(BadInput, match="stays away"):
        merge(a_loss(kind, RestartRule.NONE), a_topology(), None, None)


@pytest.mark.parametrize(
    ("kind", "values", "nothing"),
    [
        (FaultType.PROCESSOR_KILL, ("group_rebalance_s", "pipeline_drain_s"), ("postgres_down_s", "broker_detect_s")),
        (FaultType.POSTGRES_PRIMARY_KILL, ("postgres_down_s", "standbys_connected_s"), ("group_rebalance_s",)),
        (FaultType.POSTGRES_PRIMARY_LOSS, ("postgres_promotion_s", "rows_lost"), ("postgres_start_s",)),
        (FaultType.POSTGRES_BACKEND_KILL, ("postgres_down_s", "rows_lost"), ("postgres_start_s",)),
        (FaultType.REDIS_KILL, ("redis_down_s", "pipeline_unavailable_s"), ("broker_rejoin_s", "isr_full_s")),
        (FaultType.ZOOKEEPER_KILL, ("zookeeper_leader_s", "broker_sessions_s"), ("redis_down_s", "isr_full_s")),
    ],
)
def test_a_prediction_has_the_metrics_of_its_part(
    kind: FaultType, values: tuple[str, ...], nothing: tuple[str, ...]
) -> None:
    """Those of other parts have no value, and Kafka is never silent."""
    scenario, topology = a_loss(kind), a_topology()
    found = predict(scenario, topology, merge(scenario, topology, None, None), 1, replications=10, subprocesses=0)
    for name in values:
        assert len(finite(found.metrics[name])) == 10, name
    for name in nothing:
        assert len(finite(found.metrics.get(name, ()))) == 0, name
    assert set(found.metrics["kafka_partitions_hit"]) == {0.0}
    assert set(found.metrics["acknowledged_records_lost"]) == {0.0}
