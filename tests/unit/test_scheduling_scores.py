"""kube-scheduler's scores against its formulas, worked out by hand; the arithmetic stands in each test."""

from __future__ import annotations

import math

import pytest

from tests.support.scheduling_cases import MI, a_cluster, a_node, a_pod, near, places
from workbench.model.scheduling.cluster import Place
from workbench.model.scheduling.neighbours import neighbour_scores
from workbench.model.scheduling.objects import (
    HOSTNAME,
    ZONE,
    NodePreference,
    Pod,
    PodPreference,
    Requests,
    Selector,
    SpreadConstraint,
    Taint,
    Toleration,
)
from workbench.model.scheduling.placing import decide
from workbench.model.scheduling.scores import WEIGHTS, balanced_allocation, least_allocated, score, total
from workbench.model.scheduling.spreading import spread_scores

WEB = Selector.of({"app": "web"})


def test_the_weights_are_those_of_the_default_profile() -> None:
    """default_plugins.go of 1.29, ImageLocality left out."""
    assert dict(WEIGHTS) == {
        "TaintToleration": 3,
        "NodeAffinity": 2,
        "NodeResourcesFit": 1,
        "PodTopologySpread": 2,
        "InterPodAffinity": 2,
        "NodeResourcesBalancedAllocation": 1,
    }


@pytest.mark.parametrize(
    ("used_cpu_m", "used_mi", "cpu_m", "mi", "points"),
    [
        (0, 0, 1000, 1000, 75),  # (75 + 75) / 2
        (1000, 500, 1000, 500, 62),  # (4000-2000)/4000 = 50 and (4000-1000)/4000 = 75: 125 / 2 in whole numbers
        (0, 0, 1333, 0, 83),  # 2667 * 100 / 4000 = 66 in whole numbers, 100: 166 / 2
        (3500, 0, 1000, 0, 50),  # more than there is counts as 0, not less: (0 + 100) / 2
    ],
)
def test_least_allocated(used_cpu_m: int, used_mi: int, cpu_m: int, mi: int, points: int) -> None:
    """(allocatable - requested) * 100 / allocatable per resource in whole numbers, then the mean, likewise."""
    node = places([a_node("a")], a=[a_pod("old", used_cpu_m, used_mi)])[0]
    assert least_allocated(a_pod(cpu_m=cpu_m, memory_mi=mi), node) == points


def test_unstated_requests_count_in_least_allocated_only() -> None:
    """100m and 200 Mi each for the running pod and the new one: (1000-200)/1000 = 80 and (1000-400)/1000 = 60: 70."""
    node = places([a_node("a", 1000, 1000)], a=[Pod("old")])[0]
    assert least_allocated(Pod("new"), node) == 70
    assert balanced_allocation(Pod("new"), node) == 100
    assert Pod("new").requests == Requests(0, 0, 100, 200 * MI)


@pytest.mark.parametrize(
    ("used_cpu_m", "used_mi", "cpu_m", "mi", "points"),
    [
        (0, 0, 1000, 1000, 100),  # both shares 0.25
        (0, 0, 1000, 0, 87),  # |0.25 - 0| / 2 = 0.125: 87.5, cut off
        (1000, 2000, 1000, 1000, 87),  # 0.5 and 0.75: 0.125 again
        (3500, 0, 1000, 0, 50),  # a share is at most 1: |1 - 0| / 2
    ],
)
def test_balanced_allocation(used_cpu_m: int, used_mi: int, cpu_m: int, mi: int, points: int) -> None:
    """(1 - standard deviation of the two shares) * 100; of two it is half their difference."""
    node = places([a_node("a")], a=[a_pod("old", used_cpu_m, used_mi)])[0]
    assert balanced_allocation(a_pod(cpu_m=cpu_m, memory_mi=mi), node) == points


def test_resources_that_a_node_does_not_have_are_not_scored() -> None:
    """Without memory the mean is CPU's alone and balance has nothing to compare."""
    node = Place(a_node("a", 4000, 0))
    assert least_allocated(a_pod(cpu_m=1000), node) == 75
    assert balanced_allocation(a_pod(cpu_m=1000), node) == 100


def test_soft_taints_count_against_a_node() -> None:
    """2, 1 and 0 untolerated taints: 100 - 100*2/2, 100 - 100*1/2, 100 - 0; one that is tolerated does not count."""
    soft = [Taint(key, "", "PreferNoSchedule") for key in ("x", "y", "z")]
    nodes = places([a_node("a", taints=(*soft[:2],)), a_node("b", taints=(*soft[1:],)), a_node("c")])
    pod = a_pod(tolerations=(Toleration("z", "Exists", "", "PreferNoSchedule"),))
    assert [each["TaintToleration"] for each in score(pod, nodes, nodes).values()] == [0, 50, 100]
    assert [each["TaintToleration"] for each in score(a_pod(), nodes[2:], nodes[2:]).values()] == [100]


def test_preferred_nodes_count_by_weight() -> None:
    """a: 30 + 10 = 40, b: 10, c: 0; of the largest: 100, 100*10/40 = 25, 0. No preference at all: 0 for everyone."""
    nodes = places([a_node("a", labels={"disk": "ssd", "rack": "1"}), a_node("b", labels={"rack": "1"}), a_node("c")])
    pod = a_pod(
        node_preferences=(
            NodePreference(30, Selector.of({"disk": "ssd"})),
            NodePreference(10, Selector.of({"rack": "1"})),
            NodePreference(50, Selector()),  # a term without expressions selects nothing
        )
    )
    assert [each["NodeAffinity"] for each in score(pod, nodes, nodes).values()] == [100, 25, 0]
    assert [each["NodeAffinity"] for each in score(a_pod(), nodes, nodes).values()] == [0, 0, 0]


def test_preferred_pods_add_and_subtract() -> None:
    """Node a holds db (+80), b web (-20), c both (+60): from -20 to 80, so 100, 0 and 100*(60+20)/100 = 80."""
    db, web = a_pod("db", labels={"app": "db"}), a_pod("web", labels={"app": "web"})
    nodes = places([a_node("a"), a_node("b"), a_node("c")], a=[db], b=[web], c=[db, web])
    pod = a_pod(
        preferred_affinity=(PodPreference(80, near("db")),), preferred_anti_affinity=(PodPreference(20, near("web")),)
    )
    assert neighbour_scores(pod, nodes, nodes) == [100, 0, 80]


def test_running_pods_preferences_count_too() -> None:
    """A running pod that requires the new one near counts 1, one that prefers it its weight, one that shuns it minus.

    a: 1, b: +4, c: -4: (1+4)/8 = 62.5 cut to 62, 100, 0.
    """
    wants = a_pod("wants", affinity=(near("web"),))
    likes = a_pod("likes", preferred_affinity=(PodPreference(4, near("web")),))
    shuns = a_pod("shuns", preferred_anti_affinity=(PodPreference(4, near("web")),))
    nodes = places([a_node("a"), a_node("b"), a_node("c")], a=[wants], b=[likes], c=[shuns])
    assert neighbour_scores(a_pod(labels={"app": "web"}), nodes, nodes) == [62, 100, 0]
    assert neighbour_scores(a_pod(labels={"app": "db"}), nodes, nodes) == [0, 0, 0]


def test_soft_spreading_over_hosts() -> None:
    """Three hosts weigh ln(3+2) = 1.609 a pod, maxSkew 1 adds 0.

    2, 1, 0 pods: 3.22, 1.61, 0 rounded to 3, 2, 0; 100*(3+0-own)/3 = 0, 33, 100.
    """
    web = [a_pod(f"web-{index}", labels={"app": "web"}) for index in range(3)]
    nodes = places([a_node("a"), a_node("b"), a_node("c")], a=web[:2], b=web[2:])
    pod = a_pod(labels={"app": "web"}, spread=(SpreadConstraint(1, HOSTNAME, False, WEB),))
    assert math.floor(2 * math.log(5) + 0.5) == 3
    assert spread_scores(pod, nodes, nodes) == [0, 33, 100]


def test_soft_spreading_over_zones_leaves_out_nodes_without_one() -> None:
    """Two zones weigh ln(2+2) = 1.386 a pod, maxSkew 3 adds 2.

    z1 has 3 pods: 4.16 + 2 = 6; z2 none: 2. 100*(6+2-6)/6 = 33, 100*(6+2-2)/6 = 100; d has no zone: 0.
    """
    web = [a_pod(f"web-{index}", labels={"app": "web"}) for index in range(3)]
    zoned = [a_node(name, labels={ZONE: zone}) for name, zone in (("a", "z1"), ("b", "z1"), ("c", "z2"))]
    nodes = places([*zoned, a_node("d")], a=web[:2], b=web[2:])
    pod = a_pod(labels={"app": "web"}, spread=(SpreadConstraint(3, ZONE, False, WEB),))
    assert spread_scores(pod, nodes, nodes) == [33, 33, 100, 0]


def test_the_built_in_spreading_of_owned_pods() -> None:
    """Hosts with maxSkew 3, zones with 5, over the owner's pods; without zone labels only hosts count.

    Two hosts weigh ln(4) = 1.386: 2 pods: 2.77 + 2 = 5, none: 2. 100*(5+2-5)/5 = 40, 100*(5+2-2)/5 = 100.
    A bare pod without a service has none: 0 for everyone.
    """
    web = [a_pod(f"web-{index}", labels={"app": "web"}) for index in range(2)]
    nodes = places([a_node("a"), a_node("b")], a=web)
    assert spread_scores(a_pod(default_selector=WEB), nodes, nodes) == [40, 100]
    assert spread_scores(a_pod(), nodes, nodes) == [0, 0]


def test_spreading_without_any_pod_yet_is_even() -> None:
    """The largest sum is 0: 100 for everyone; pods of another namespace are not counted."""
    elsewhere = a_pod("web", labels={"app": "web"}, namespace="elsewhere")
    nodes = places([a_node("a"), a_node("b")], a=[elsewhere])
    pod = a_pod(spread=(SpreadConstraint(1, HOSTNAME, False, WEB),))
    assert spread_scores(pod, nodes, nodes) == [100, 100]


def test_a_whole_decision_by_hand() -> None:
    """Node a runs a pod of 1000m, b is empty: b is the best alone, whatever the draw.

    New pod 1000m, 1000 Mi of 4000m, 4000 Mi. a: CPU 50, memory 75: 62; shares 0.5 and 0.25: 87. b: 75; 100.
    Taints 3 * 100 on both: a 300 + 62 + 87 = 449, b 300 + 75 + 100 = 475.
    """
    cluster = a_cluster([a_node("a"), a_node("b")], a=[a_pod("old", 1000, 0)])
    decision = decide(cluster, a_pod(cpu_m=1000, memory_mi=1000), 0.99)
    assert dict(decision.totals) == {"a": 449, "b": 475}
    assert (decision.node, decision.tied) == ("b", ("b",))
    assert total(decision.scores["a"]) == 449
