"""The cheapest set-up: patches that give what was wanted, a search that repeats and resumes, and what binds."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.plan_search import Reckoner, Silent, a_context, a_formula, every_set_up
from workbench.errors import BadInput
from workbench.plan.question import read_question
from workbench.plan.search.assessing import assess
from workbench.plan.search.choosing import kept_all, pareto_front
from workbench.plan.search.keeping import Kept
from workbench.plan.search.patches import write_overlay
from workbench.plan.search.recommending import search
from workbench.plan.search.set_up import SetUp, set_up_of, zookeeper_servers
from workbench.report.plan_search import search_sentence
from workbench.scenario import PROJECT_ROOT
from workbench.topology import read_topology, render
from workbench.topology.pods import read_pod_traits

BASE = PROJECT_ROOT / "manifests" / "base"
RANGES: dict[str, list[Any]] = {
    "workers": [3, 4, 5],
    "worker_cpu_cores": [2.0, 4.0, 8.0],
    "brokers": [3, 4, 5],
    "processors": [1, 2, 3, 4],
}
CHANGES: tuple[dict[str, Any], ...] = (
    {},
    {"workers": 5, "brokers": 4, "worker_cpu_cores": 4.0, "worker_disk_gb": 2000.0},
    {"partitions": 12, "replication_factor": 2, "zookeeper_session_s": 6.0},
    {"workers": 2, "brokers": 2, "replication_factor": 1},
    {"processors": 4, "processor_toleration_s": 300.0, "group_session_s": 10.0, "encryption": "application"},
    {"postgres_cpu_cores": 1.5, "gateway_pool": 8, "redis_memory_mib": 128.0, "worker_memory_gb": 12.0},
)


def _read(folder: Path) -> SetUp:
    return set_up_of(read_topology(folder), render(folder), read_pod_traits(folder))


@pytest.mark.parametrize("changes", CHANGES, ids=lambda each: "-".join(each) or "none")
def test_the_patched_manifests_are_the_wanted_set_up(tmp_path: Path, changes: dict[str, Any]) -> None:
    """What the folder renders to reads back as the set-up; kubectl, where there is one, renders the same."""
    present = _read(BASE)
    wanted = replace(present, **changes)
    folder = tmp_path / "change"
    write_overlay(folder, os.path.relpath(BASE, folder), render(BASE), present, wanted)
    assert _read(folder) == wanted
    if shutil.which("kubectl"):
        done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=True)
        assert _by_name(list(yaml.safe_load_all(done.stdout))) == _by_name(render(folder))


def _by_name(resources: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(each["kind"], each["metadata"]["name"]): each for each in resources}


def test_more_copies_than_fit_bring_a_smaller_bound_of_the_log(tmp_path: Path) -> None:
    """24 partitions x 3 copies on 3 brokers keep 7 GB each; 48 of them would need 336 of 215 GB."""
    present = _read(BASE)
    write_overlay(tmp_path, os.path.relpath(BASE, tmp_path), render(BASE), present, replace(present, partitions=12))
    bound = int(read_topology(tmp_path).kafka.config["log.retention.bytes"])
    assert 0.85 * 0.9 * 200 * 2**30 < 48 * bound <= 0.9 * 200 * 2**30


def test_zookeeper_has_an_odd_number_that_the_workers_allow() -> None:
    """Two workers carry one server, four three, five five; never more than five."""
    assert [zookeeper_servers(workers, 3) for workers in (1, 2, 3, 4, 5, 9)] == [1, 1, 3, 3, 5, 5]


def test_the_search_finds_the_cheapest_of_all(tmp_path: Path) -> None:
    """With a formula in place of the simulation: the same cost as trying every combination."""
    context = a_context({"set_ups": 96, **RANGES})
    formula = a_formula()
    with Kept(tmp_path / "kept.sqlite", context.sha256) as kept:
        found = search(context, Reckoner(formula), kept, Silent())
    every = [formula(each) for each in every_set_up(context, RANGES)]
    assert found["recommended"]["cost"] == min(each["cost"] for each in every if kept_all(each))
    assert all(kept_all(each) for each in found["front"])
    assert found["tried"] < len(every)


def test_the_front_has_one_set_up_for_what_can_be_told_apart() -> None:
    """Two that differ by less than the draws do are one; whatever is no better anywhere than another is none."""
    context = a_context({"set_ups": 96, **RANGES})
    some = every_set_up(context, RANGES)[:6]
    rows = [
        (10, 12.0, 0.089),
        (10, 12.02, 0.091),
        (12, 11.5, 0.089),
        (12, 12.0, 0.086),
        (14, 11.5, 0.05),
        (15, None, 0.02),
    ]
    assessed = [
        {"cost": cost, "outage_s": outage_s, "p99_s": p99_s, "set_up": each.to_dict()}
        for each, (cost, outage_s, p99_s) in zip(some, rows, strict=True)
    ]
    front = pareto_front(reversed(assessed))
    assert [each["cost"] for each in front] == [10, 12, 14, 15]
    assert front[1]["outage_s"] == 11.5


def test_neither_the_order_nor_a_kill_changes_what_is_found(tmp_path: Path) -> None:
    """Assessments that come in backwards give the same; a search that was ended goes on without doing a thing twice."""
    context = a_context({"set_ups": 60, **RANGES})
    formula = a_formula()

    def found_by(crew: Reckoner, name: str) -> dict[str, Any]:
        with Kept(tmp_path / name, context.sha256) as kept:
            return search(context, crew, kept, Silent())

    whole = Reckoner(formula)
    expected = found_by(whole, "whole")
    assert found_by(Reckoner(formula, arrange=lambda each: each[::-1]), "backwards") == expected
    ended = Reckoner(formula, until=17)
    with pytest.raises(KeyboardInterrupt):
        found_by(ended, "ended")
    rest = Reckoner(formula)
    assert found_by(rest, "ended") == expected
    assert len(ended.assessed) == 17
    assert sorted(map(repr, ended.assessed + rest.assessed)) == sorted(map(repr, whole.assessed))


def test_changes_without_need_are_undone(tmp_path: Path) -> None:
    """Fewer brokers than the front's best are as cheap and keep every objective: the present three stay."""
    context = a_context({"set_ups": 96, **RANGES})
    with Kept(tmp_path / "kept.sqlite", context.sha256) as kept:
        found = search(context, Reckoner(a_formula()), kept, Silent())
    for name, (old, new) in found["changes"].items():
        assert old != new
        undone = replace(SetUp(**found["recommended"]["set_up"]), **{name: old})
        result = a_formula()(undone)
        assert not kept_all(result) or result["cost"] > found["recommended"]["cost"]


def test_where_nothing_is_good_enough_the_binding_objective_is_named(tmp_path: Path) -> None:
    """p99 of 10 ms is beyond every set-up: it binds, and the set-up that comes nearest is given."""
    context = a_context({"set_ups": 48, **RANGES})
    with Kept(tmp_path / "kept.sqlite", context.sha256) as kept:
        found = search(context, Reckoner(a_formula(0.01)), kept, Silent())
    assert found["recommended"] is None
    assert [(row["objective"], row["alone"]) for row in found["binding"]] == [("p99", True)]
    there = [each for each in map(a_formula(), every_set_up(context, RANGES)) if not each["impossible"]]
    assert found["closest"]["p99_s"] == min(each["p99_s"] for each in there)
    assert "p99 binds (10 ms asked" in search_sentence(found)


def test_a_set_up_is_judged_as_its_manifests_are() -> None:
    """Half the CPUs cost less and still fit; two copies survive no broker; 2 CPUs have no room, and that is said."""
    context = a_context({"workers": [3, 4]})
    present = assess(context, context.present)
    assert present["impossible"] == []
    assert present["cost"] == pytest.approx(3 * (8 + 0.125 * 8 + 0.005 * 300))
    missed = [row["objective"] for row in present["objectives"] if row["excess"]]
    assert missed == ["days until a disk is full", "without committed row, one event processor gone"]
    crowded = assess(context, replace(context.present, worker_cpu_cores=2.0))
    assert any("request" in each for each in crowded["impossible"])
    fragile = assess(context, replace(context.present, replication_factor=2))
    assert any("Kafka refuses" in each for each in fragile["stops"])
    assert fragile["p99_s"] > 60.0
    quick = assess(context, replace(context.present, group_session_s=10.0))
    assert quick["outage_s"] < present["outage_s"] - 30.0


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("partitions: [6, 12]", "partitions: [6, 6]", "each choice once"),
        ("brokers: [3, 4, 5]", "brokers: [6, 7]", "no set-up has both"),
        ("replication_factor: [2, 3]", "replication_factor: [7]", "at most 5, the most brokers"),
        ("worker_cpu_cores: [4, 6, 8, 16]", "worker_cpu_cores: []", "search.worker_cpu_cores"),
        ("encryption: [pgcrypto, application, disk]", "encryption: [rot13]", "pgcrypto"),
        (
            "per_cpu: 1, per_memory_gb: 0.125, per_disk_gb: 0.005",
            "per_cpu: 0, per_memory_gb: 0, per_disk_gb: 0",
            "above 0",
        ),
        ("set_ups: 240", "set_ups: 0", "search.set_ups"),
        ("workers: [3, 4, 5]", "nodes: [3, 4, 5]", "nodes is not a key of a question"),
    ],
)
def test_a_search_that_contradicts_itself_is_refused(tmp_path: Path, before: str, after: str, said: str) -> None:
    """One clear problem with its place, before anything is computed."""
    text = (PROJECT_ROOT / "questions" / "cheapest.yaml").read_text()
    assert before in text
    path = tmp_path / "question.yaml"
    path.write_text(text.replace(before, after))
    with pytest.raises(BadInput) as caught:
        read_question(path)
    assert said in str(caught.value)


def test_partitions_are_never_taken_away(tmp_path: Path) -> None:
    """A range below what the manifests state is refused with Kafka's reason."""
    context = a_context({"partitions": [3, 6]})
    with (
        Kept(tmp_path / "kept.sqlite", context.sha256) as kept,
        pytest.raises(BadInput, match="never takes partitions"),
    ):
        search(context, Reckoner(a_formula()), kept, Silent())
