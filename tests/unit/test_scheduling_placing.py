"""One scheduling cycle and the compiled path: ties, sampling, the same answers from both, nothing overcommitted."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.scheduling_cases import MI, a_cluster, a_node, a_pod, near
from workbench.errors import BadInput
from workbench.model.scheduling import Node, Pod, Requests, place_all, place_bulk
from workbench.model.scheduling.cluster import Cluster
from workbench.model.scheduling.filters import prepare, reject
from workbench.model.scheduling.objects import NodePreference, Selector, Taint, Toleration
from workbench.model.scheduling.placing import decide, feasible_nodes_to_find


@pytest.mark.parametrize(
    ("nodes", "wanted"),
    [
        (3, 3),
        (99, 99),
        (100, 100),  # 50 % would be 50, at least 100 are looked for
        (250, 120),  # 50 - 2 = 48 %
        (1000, 420),  # 50 - 8 = 42 %
        (5000, 500),  # 50 - 40 = 10 %
        (6000, 300),  # 50 - 48 = 2 %, at least 5 %
    ],
)
def test_how_many_feasible_nodes_end_the_search(nodes: int, wanted: int) -> None:
    """As numFeasibleNodesToFind of schedule_one.go has it."""
    assert feasible_nodes_to_find(nodes) == wanted


def test_a_tie_is_decided_by_the_draw_alone() -> None:
    """Three equal nodes: each third of the draw's range is one of them."""
    nodes = [a_node(name) for name in "abc"]
    decisions = [decide(a_cluster(nodes), a_pod(), draw) for draw in (0.0, 0.34, 0.99)]
    assert [each.node for each in decisions] == ["a", "b", "c"]
    assert all(each.tied == ("a", "b", "c") for each in decisions)


def test_the_only_feasible_node_is_not_scored() -> None:
    """As in kube-scheduler: nothing to compare it with."""
    decision = decide(a_cluster([a_node("a", cpu_m=100), a_node("b")]), a_pod(cpu_m=200), 0.5)
    assert (decision.node, decision.tied, dict(decision.scores)) == ("b", ("b",), {})
    assert list(decision.rejections) == ["a"]


def test_the_search_starts_where_the_last_one_ended() -> None:
    """Of 250 nodes 120 are looked at: 0 to 119, then 120 to 239, then 240 to 109 across the end."""
    cluster = Cluster([a_node(str(index)) for index in range(250)])
    seen = []
    for _ in range(3):
        decision = decide(cluster, a_pod(), 0.0)
        seen.append((next(iter(decision.totals)), list(decision.totals)[-1], len(decision.unseen)))
    assert seen == [("0", "119", 130), ("120", "239", 130), ("240", "109", 130)]
    assert len(decide(cluster, a_pod(), 0.0, every_node=True).totals) == 250


def test_the_same_seed_gives_the_same_places() -> None:
    """Ties follow the seed; another seed gives another choice among equals."""
    nodes, pods = [a_node(name) for name in "abcd"], [a_pod(str(index)) for index in range(8)]
    first, again, other = ([each.node for each in place_all(nodes, pods, seed)] for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_nodes_of_the_same_name_are_refused() -> None:
    """A name stands for one node."""
    with pytest.raises(BadInput, match="nodes of the same name: a"):
        place_all([a_node("a"), a_node("a")], [a_pod()])


SIZES = st.tuples(st.sampled_from([500, 1000, 3000]), st.sampled_from([300, 900, 2000]), st.integers(1, 4))
ASKED = st.tuples(st.sampled_from([None, 0, 100, 330, 700]), st.sampled_from([None, 0, 64, 256, 333]))


def of_sizes(sizes: list[tuple[int, int, int]]) -> list[Node]:
    """Return nodes of these sizes, every third tainted."""
    taint = (Taint("dedicated", "", "NoSchedule"),)
    return [a_node(str(index), *size, taints=taint if index % 3 == 2 else ()) for index, size in enumerate(sizes)]


def asking(name: str, asked: tuple[int | None, int | None], tolerant: bool) -> Pod:
    """Return a pod that states what is not None."""
    cpu_m, memory_mi = asked
    counted = (100 if cpu_m is None else cpu_m, 200 * MI if memory_mi is None else memory_mi * MI)
    tolerations = (Toleration("", "Exists"),) if tolerant else ()
    return Pod(name, requests=Requests(cpu_m or 0, (memory_mi or 0) * MI, *counted), tolerations=tolerations)


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(SIZES, min_size=1, max_size=8),
    groups=st.lists(st.tuples(ASKED, st.booleans(), st.integers(1, 5)), min_size=1, max_size=5),
    seed=st.integers(0, 5),
)
def test_the_compiled_path_places_like_the_explained_one(
    sizes: list[tuple[int, int, int]], groups: list[tuple[tuple[int | None, int | None], bool, int]], seed: int
) -> None:
    """Any mixture of nodes and shapes, the pending pods too, and no node is ever overcommitted."""
    nodes = of_sizes(sizes)
    shaped = [(asking(str(index), asked, tolerant), count) for index, (asked, tolerant, count) in enumerate(groups)]
    pods = [pod for pod, count in shaped for _ in range(count)]
    explained = [each.node for each in place_all(nodes, pods, seed)]
    compiled = [None if index < 0 else nodes[index].name for index in place_bulk(nodes, shaped, seed)]
    assert compiled == explained
    for node in nodes:
        there = [pod.requests for pod, name in zip(pods, explained, strict=True) if name == node.name]
        assert sum(each.cpu_m for each in there) <= node.cpu_m
        assert sum(each.memory_bytes for each in there) <= node.memory_bytes
        assert len(there) <= node.pods


def test_the_compiled_path_samples_like_the_explained_one() -> None:
    """Above 100 nodes, some full and some tainted, over several turns around the nodes."""
    rng = np.random.default_rng(3)
    nodes = of_sizes([(int(rng.choice([200, 2000])), 4000, 110) for _ in range(130)])
    shaped = [(asking("x", (330, 64), False), 40), (asking("y", (None, 256), True), 30)]
    pods = [pod for pod, count in shaped for _ in range(count)]
    explained = [each.node for each in place_all(nodes, pods, 9)]
    assert [nodes[index].name for index in place_bulk(nodes, shaped, 9)] == explained
    assert len(set(explained)) > 30


def test_the_compiled_path_spreads_alike_pods_evenly() -> None:
    """70 pods onto 7 equal nodes with every node scored: 10 each, whatever the draws."""
    chosen = place_bulk([a_node(str(index)) for index in range(7)], [(a_pod("x", 100, 100), 70)], every_node=True)
    assert set(Counter(chosen.tolist()).values()) == {10}


@pytest.mark.parametrize(
    ("node", "pod"),
    [
        (a_node("a"), a_pod(affinity=(near("db"),))),
        (a_node("a"), a_pod(default_selector=Selector.of({"app": "x"}))),
        (a_node("a"), a_pod(node_preferences=(NodePreference(1, Selector()),))),
        (a_node("a", taints=(Taint("x", "", "PreferNoSchedule"),)), a_pod()),
    ],
)
def test_the_compiled_path_refuses_what_it_does_not_cover(node: Node, pod: Pod) -> None:
    """It never places by other rules than kube-scheduler's."""
    with pytest.raises(BadInput, match="CPU and memory alone"):
        place_bulk([node], [(pod, 1)])


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(SIZES, min_size=1, max_size=6),
    asked=st.lists(st.tuples(ASKED, st.booleans(), st.sampled_from(["web", "db"])), min_size=1, max_size=10),
)
def test_what_is_explained_is_what_is_so(
    sizes: list[tuple[int, int, int]], asked: list[tuple[tuple[int | None, int | None], bool, str]]
) -> None:
    """Each node is either feasible or rejected for a reason, the chosen one is feasible, and pending means none was."""
    cluster = Cluster(of_sizes(sizes))
    for index, (size, apart, app) in enumerate(asked):
        plain = asking(str(index), size, False)
        pod = Pod(plain.name, labels={"app": app}, requests=plain.requests, anti_affinity=(near(app),) if apart else ())
        prepared = prepare(pod, cluster.places)
        feasible = {place.node.name for place in cluster.places if reject(prepared, place) is None}
        decision = decide(cluster, pod, 0.5)
        assert set(decision.rejections) | feasible == {place.node.name for place in cluster.places}
        assert not set(decision.rejections) & feasible
        assert (decision.node is None) == (not feasible) == bool(decision.reason)
        if decision.node is not None:
            assert decision.node in feasible
            cluster.place(decision.node).add(pod)
