"""What a loss costs and what stops with it: one and two nodes gone, outages by the faults' models, what-ifs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.golden.cases import EXPECTED
from workbench.model.batches import batch_time
from workbench.plan.basis import Basis, basis_of
from workbench.plan.batch_rewriting import with_batch_time
from workbench.plan.draws import draws_of
from workbench.plan.outages import Hub, outage
from workbench.plan.search.carrying import PGP_SYM_ENCRYPT_S, PRIORS, Measured, carried
from workbench.plan.survival import may_lose_records, stops, worst_nodes, writable
from workbench.plan.volumes import retention
from workbench.topology.pods import read_pod_traits


@pytest.fixture(name="basis", scope="module")
def _basis() -> Basis:
    """Return the reference hub's basis."""
    return basis_of("broker-loss", None)


def _hub(basis: Basis) -> Hub:
    return Hub(basis.topology, basis.manifests, read_pod_traits(basis.manifests), basis.workload, {}, 1)


def test_one_node_stops_nothing_and_two_stop_all_writes(basis: Basis) -> None:
    """Three ZooKeeper servers and three copies with two in sync: one node may go, two leave neither."""
    hub = basis.topology
    assert stops(hub, worst_nodes(hub, 1)) == []
    said = " ".join(each.sentence for each in stops(hub, worst_nodes(hub, 2)))
    assert "1 of 3 ZooKeeper servers are left and 2 are the quorum" in said
    assert "1 of 3 copies of a partition of alerts are left and 2 have to be in sync" in said


def test_two_copies_that_both_have_to_be_in_sync_survive_no_broker(basis: Basis) -> None:
    """What decides is a partition's copies, not how many brokers are left."""
    topics = tuple(replace(topic, replication_factor=2) for topic in basis.topology.topics)
    fragile = replace(basis.topology, topics=topics)
    assert writable(basis.topology, 1)
    assert not writable(fragile, 1)
    assert [may_lose_records(basis.topology, lost) for lost in (0, 1, 2)] == [False, False, True]


def test_a_nodes_outage_is_the_longest_of_its_parts(basis: Basis) -> None:
    """Acknowledgements wait until clients give a silent machine up (60 s), rows for the fail-over of its primary."""
    of_broker = outage(_hub(basis), "one broker gone", 6)
    of_node = outage(_hub(basis), "one node gone", 6)
    assert 12.0 < np.median(of_broker.ack_s) < 22.0
    assert np.all((of_node.ack_s > 60.0) & (of_node.ack_s < 62.0))
    assert np.all(of_node.row_s >= of_broker.row_s)
    assert 60.0 < np.median(of_node.row_s) < 110.0
    assert 65.0 < of_node.replaced_s < 85.0


def test_two_nodes_gone_have_no_end_and_exclude_no_loss(basis: Basis) -> None:
    """Both outages are without end, and an acknowledged record may have been on the lost brokers alone."""
    found = outage(_hub(basis), "two nodes gone", 2).to_dict()
    assert found["ack_s"]["median"] is None
    assert found["row_s"]["median"] is None
    assert found["records_lost"]["median"] is None


def test_more_brokers_share_the_work_and_more_copies_make_more(basis: Basis) -> None:
    """As many brokers again halve a broker's cores; a third copy costs what following costs."""
    draws = draws_of(basis, 1, 1)[0]
    measured = Measured.of(basis)
    same = carried(draws, measured, basis)
    assert same == draws
    twice = carried(draws, Measured(2 * measured.brokers, measured.copies), basis)
    assert twice["victim_cores"] == pytest.approx(2.0 * draws["victim_cores"])
    fewer = carried(draws, Measured(measured.brokers, 2.0), basis)
    taken_over = draws["taken_over_share"]
    assert fewer["victim_cores"] / draws["victim_cores"] == pytest.approx(3.0 / (2.0 + taken_over))


def test_without_pgcrypto_a_batch_and_postgres_lose_its_share(basis: Basis) -> None:
    """An insert of 50 us beside 354 us of encryption is an eighth; the batch's fixed part stays."""
    hub = basis.topology
    elsewhere = replace(basis, topology=replace(hub, processors=replace(hub.processors, encryption="disk")))
    draws = {**draws_of(basis, 1, 1)[0], **dict.fromkeys(PRIORS, 50e-6)}
    left = 50e-6 / (50e-6 + PGP_SYM_ENCRYPT_S)
    found = carried(draws, Measured.of(basis), elsewhere)
    assert found["database_cores"] == pytest.approx(left * draws["database_cores"])
    before, after = batch_time(draws), batch_time(found)
    assert after.event_s == pytest.approx(left * before.event_s, rel=1e-3)
    assert after.fixed_s == pytest.approx(before.fixed_s, rel=1e-3)
    assert after.contention == pytest.approx(before.contention, rel=1e-3)


def test_a_longer_commit_lengthens_every_batch_by_it(basis: Basis) -> None:
    """2 ms more of a fixed part are 2 ms more of a batch that is alone."""
    draws = draws_of(basis, 1, 1)[0]
    before, after = batch_time(draws), batch_time(with_batch_time(draws, fixed_more_s=0.002))
    assert after.fixed_s - before.fixed_s == pytest.approx(0.002, rel=1e-3)
    assert after.event_s == pytest.approx(before.event_s, rel=1e-3)


def test_the_retention_that_fits_fills_the_volume(basis: Basis) -> None:
    """24 partitions with three copies on three brokers: each broker holds 24 logs of a 24th of 90 % of 200 GiB."""
    found = retention(basis, 300.0, 0.25)
    assert 24 * found.bytes_per_partition == pytest.approx(0.9 * 200 * 2**30)
    each_hour = 300.0 * 0.86 / 6 * 481 * 3600
    assert found.hours_today == pytest.approx(found.bytes_per_partition / each_hour)
    assert found.hours_in_a_year == pytest.approx(found.hours_today / 1.25)


def test_what_ifs_are_side_by_side() -> None:
    """KRaft is sooner than ZooKeeper, 30 s than 300 s; a synchronous standby costs every row and loses none."""
    answered: dict[str, Any] = json.loads((EXPECTED / "plan.json").read_text())
    by_choice = {each["choice"]: each for each in answered["what_ifs"]}
    zookeeper, kraft = by_choice["ZooKeeper, session 18 s"], by_choice["KRaft, session 9 s (fixed by Strimzi)"]
    assert kraft["median_s"] < zookeeper["median_s"]
    soon, late = by_choice["tolerates 30 s"], by_choice["tolerates 300 s (Kubernetes' default)"]
    assert late["median_s"] - soon["median_s"] == pytest.approx(270.0, abs=5.0)
    never, by_hand = by_choice["replicated volume"], by_choice["replicated volume, taint out-of-service after 600 s"]
    assert never["median_s"] is None
    assert by_hand["median_s"] > 600.0
    assert by_choice["local volume, taint out-of-service after 600 s"]["median_s"] is None
    asynchronous = by_choice["Kubegres's rules: asynchronous standbys"]
    synchronous = by_choice["synchronous, any one standby (ANY 1)"]
    assert synchronous["median_s"] > asynchronous["median_s"]
    assert "no row lost" in synchronous["outcome"]
