"""kube-scheduler's filters: who is refused, by which plugin first, in which words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.scheduling_cases import a_cluster, a_node, a_pod, near, places
from workbench.model.scheduling.cluster import Place
from workbench.model.scheduling.filters import Rejection, may_help, prepare, reject, summary
from workbench.model.scheduling.objects import (
    HOSTNAME,
    ZONE,
    Pod,
    Requirement,
    Selector,
    SpreadConstraint,
    Taint,
    Toleration,
)
from workbench.model.scheduling.placing import decide

CONTROL_PLANE = Taint("node-role.kubernetes.io/control-plane", "", "NoSchedule")
WEB = Selector.of({"app": "web"})


def rejected(pod: Pod, all_places: list[Place]) -> list[Rejection | None]:
    """Return what becomes of a pod on each node."""
    prepared = prepare(pod, all_places)
    return [reject(prepared, place) for place in all_places]


def refused(pod: Pod, all_places: list[Place]) -> list[bool]:
    """Tell for each node whether it is refused."""
    return [each is not None for each in rejected(pod, all_places)]


def test_resources_name_everything_that_is_short() -> None:
    """2000m of 4000m are left, 1000 Mi of 4000 Mi, one of two pods: exactly that fits, one more of each does not."""
    full = places([a_node("a", pods=2)], a=[a_pod("old", 2000, 3000)])
    assert rejected(a_pod(cpu_m=2000, memory_mi=1000), full) == [None]
    assert rejected(a_pod(cpu_m=2001, memory_mi=1001), full) == [
        Rejection("NodeResourcesFit", ("Insufficient cpu", "Insufficient memory"))
    ]
    full[0].add(a_pod("second"))
    assert rejected(a_pod(cpu_m=1), full) == [Rejection("NodeResourcesFit", ("Too many pods",))]


def test_a_pod_without_requests_fits_where_too_much_is_requested() -> None:
    """Only what a pod asks for is compared: nothing asked is never too much, even on a node that shrank."""
    shrunk = places([a_node("a", cpu_m=1000)], a=[a_pod("old", 2000)])
    assert rejected(a_pod(), shrunk) == [None]


@pytest.mark.parametrize(
    ("toleration", "passes"),
    [
        (Toleration(CONTROL_PLANE.key, "Exists", "", "NoSchedule"), True),
        (Toleration(CONTROL_PLANE.key, "Equal", "", ""), True),
        (Toleration("", "Exists", "", ""), True),
        (Toleration(CONTROL_PLANE.key, "Exists", "", "NoExecute"), False),
        (Toleration(CONTROL_PLANE.key, "Equal", "true", "NoSchedule"), False),
        (Toleration("dedicated", "Exists", "", "NoSchedule"), False),
    ],
)
def test_a_toleration_matches_by_key_value_and_effect(toleration: Toleration, passes: bool) -> None:
    """An empty key or effect stands for all of them; Equal compares the value, Exists does not."""
    tainted = places([a_node("a", taints=(CONTROL_PLANE,))])
    assert refused(a_pod(tolerations=(toleration,)), tainted) == [not passes]


def test_the_first_untolerated_taint_is_named() -> None:
    """NoExecute keeps new pods away like NoSchedule; PreferNoSchedule does not; the reason holds key and value."""
    soft, hard = Taint("slow", "disk", "PreferNoSchedule"), Taint("dedicated", "gpu", "NoExecute")
    tainted = places([a_node("a", taints=(soft, hard, CONTROL_PLANE)), a_node("b", taints=(soft,))])
    reason = "node(s) had untolerated taint {dedicated: gpu}"
    assert rejected(a_pod(), tainted) == [Rejection("TaintToleration", (reason,)), None]


def test_the_first_plugin_in_order_speaks() -> None:
    """A cordoned, tainted, full node is told as unschedulable; once that is tolerated as tainted, then as full."""
    cordon = Toleration("node.kubernetes.io/unschedulable", "Exists", "", "NoSchedule")
    everything = places([a_node("a", cpu_m=100, taints=(CONTROL_PLANE,), unschedulable=True)])
    pod = a_pod(cpu_m=200)
    plugins = []
    for tolerations in ((), (cordon,), (Toleration("", "Exists"),)):
        found = rejected(replace(pod, tolerations=tolerations), everything)[0]
        plugins.append((found.plugin, found.reasons[0]) if found else None)
    assert plugins == [
        ("NodeUnschedulable", "node(s) were unschedulable"),
        ("TaintToleration", f"node(s) had untolerated taint {{{CONTROL_PLANE.key}: }}"),
        ("NodeResourcesFit", "Insufficient cpu"),
    ]


@pytest.mark.parametrize(
    ("requirement", "on"),
    [
        (Requirement("disk", "In", ("ssd", "nvme")), "a"),
        (Requirement("disk", "NotIn", ("ssd",)), "bc"),
        (Requirement("disk", "Exists"), "ab"),
        (Requirement("disk", "DoesNotExist"), "c"),
        (Requirement("cores", "Gt", ("8",)), "b"),
        (Requirement("cores", "Lt", ("9",)), "a"),
    ],
)
def test_node_affinity_operators(requirement: Requirement, on: str) -> None:
    """NotIn and DoesNotExist hold where the label is missing, Gt and Lt do not, nor where it is no number."""
    nodes = [
        a_node("a", labels={"disk": "ssd", "cores": "8"}),
        a_node("b", labels={"disk": "hdd", "cores": "10"}),
        a_node("c", labels={"cores": "many"}),
    ]
    pod = a_pod(node_terms=(Selector((requirement,)),))
    assert [node.name in on for node in nodes] == [not each for each in refused(pod, places(nodes))]


def test_node_terms_are_alternatives_and_the_selector_is_not() -> None:
    """One term of several must hold, the node selector too; a term without expressions selects nothing."""
    nodes = [a_node("a", labels={"disk": "ssd"}), a_node("b", labels={"disk": "hdd"}), a_node("c")]
    ssd, hdd = Selector.of({"disk": "ssd"}), Selector.of({"disk": "hdd"})
    assert refused(a_pod(node_terms=(ssd, hdd)), places(nodes)) == [False, False, True]
    assert refused(a_pod(node_terms=(ssd, hdd), node_selector=hdd), places(nodes)) == [True, False, True]
    nothing = rejected(a_pod(node_terms=(Selector(),)), places(nodes))
    assert nothing == [Rejection("NodeAffinity", ("node(s) didn't match Pod's node affinity/selector",))] * 3


def test_a_bound_local_volume_holds_its_pod_to_its_host() -> None:
    """The volume is on b: a has room and is refused all the same."""
    found = rejected(a_pod(volume_hostnames=frozenset({"b"})), places([a_node("a"), a_node("b")]))
    assert found == [Rejection("VolumeBinding", ("node(s) had volume node affinity conflict",)), None]


def test_anti_affinity_counts_in_both_directions() -> None:
    """Pod web objects to db: web may not join db, and db may not join web; each side has its own words."""
    web = a_pod("web", labels={"app": "web"}, anti_affinity=(near("db"),))
    db = a_pod("db", labels={"app": "db"})
    nodes = [a_node("a"), a_node("b")]
    assert rejected(web, places(nodes, a=[db])) == [
        Rejection("InterPodAffinity", ("node(s) didn't match pod anti-affinity rules",)),
        None,
    ]
    assert rejected(db, places(nodes, b=[web])) == [
        None,
        Rejection("InterPodAffinity", ("node(s) didn't satisfy existing pods anti-affinity rules",)),
    ]


def test_anti_affinity_holds_within_its_namespaces_only() -> None:
    """The same labels in another namespace are other pods, unless the term asks for every namespace."""
    other = a_pod("db", labels={"app": "db"}, namespace="elsewhere")
    term = near("db")
    running = places([a_node("a")], a=[other])
    assert refused(a_pod(anti_affinity=(term,)), running) == [False]
    assert refused(a_pod(anti_affinity=(replace(term, all_namespaces=True),)), running) == [True]


def test_affinity_needs_every_term_in_the_domain() -> None:
    """Zone z1 holds a pod that both terms mean, z2 one that only the first means; a node without the label has none."""
    both = a_pod("both", labels={"app": "db", "tier": "gold"})
    only = a_pod("only", labels={"app": "db"})
    nodes = [a_node(name, labels={ZONE: zone}) for name, zone in (("a", "z1"), ("b", "z1"), ("c", "z2"))]
    gold = replace(near("db", ZONE), selector=Selector.of({"tier": "gold"}))
    pod = a_pod(affinity=(near("db", ZONE), gold))
    assert refused(pod, places([*nodes, a_node("d")], a=[both], c=[only])) == [False, False, True, True]


def test_the_first_of_a_self_loving_group_may_go_anywhere() -> None:
    """With no such pod yet the affinity to one's own kind is waived, from the second on it is not."""
    pod = a_pod(labels={"app": "db"}, affinity=(near("db"),))
    nodes = [a_node("a"), a_node("b")]
    assert refused(pod, places(nodes)) == [False, False]
    assert refused(pod, places(nodes, b=[pod])) == [True, False]
    assert refused(replace(pod, labels={"app": "web"}), places(nodes)) == [True, True]


def test_hard_spreading_compares_with_the_emptiest_domain() -> None:
    """Host a has 2, b 1, c 0 and maxSkew is 1: 2+1-0 and 1+1-0 exceed it, 0+1-0 does not."""
    constraint = SpreadConstraint(1, HOSTNAME, True, WEB)
    web = [a_pod(f"web-{index}", labels={"app": "web"}) for index in range(3)]
    nodes = [a_node("a"), a_node("b"), a_node("c")]
    pod = a_pod(labels={"app": "web"}, spread=(constraint,))
    assert refused(pod, places(nodes, a=web[:2], b=web[2:])) == [True, True, False]
    assert refused(replace(pod, spread=(replace(constraint, max_skew=2),)), places(nodes, a=web[:2], b=web[2:])) == [
        True,
        False,
        False,
    ]


def test_hard_spreading_leaves_out_nodes_that_the_affinity_leaves_out() -> None:
    """Node c is empty but not wanted, so the emptiest of a and b is b with 1, and a second may go there."""
    constraint = SpreadConstraint(1, HOSTNAME, True, WEB)
    web = [a_pod(f"web-{index}", labels={"app": "web"}) for index in range(3)]
    nodes = [a_node("a", labels={"disk": "ssd"}), a_node("b", labels={"disk": "ssd"}), a_node("c")]
    pod = a_pod(labels={"app": "web"}, spread=(constraint,), node_selector=Selector.of({"disk": "ssd"}))
    assert refused(pod, places(nodes, a=web[:2], b=web[2:])) == [True, False, True]


def test_hard_spreading_refuses_a_node_without_the_label() -> None:
    """A node that is in no domain is told apart."""
    pod = a_pod(labels={"app": "web"}, spread=(SpreadConstraint(1, ZONE, True, WEB),))
    reason = "node(s) didn't match pod topology spread constraints (missing required label)"
    assert rejected(pod, places([a_node("a")])) == [Rejection("PodTopologySpread", (reason,))]


def test_the_summary_counts_reasons_as_kube_scheduler_does() -> None:
    """Reasons are counted over nodes and sorted as text, each node adding all of its own."""
    nodes = [a_node("cp", taints=(CONTROL_PLANE,)), a_node("a", cpu_m=100), a_node("b", cpu_m=100, memory_mi=10)]
    decision = decide(a_cluster(nodes), a_pod(cpu_m=200, memory_mi=20), 0.0)
    assert decision.node is None
    assert decision.reason == (
        "0/3 nodes are available: 1 Insufficient memory, "
        "1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 Insufficient cpu."
    )
    assert summary(0, []) == "no nodes available to schedule pods"


def test_only_a_node_that_might_take_it_wakes_a_pod() -> None:
    """Room, node affinity and NoSchedule taints are looked at; a NoExecute taint alone is not (as in Kubernetes)."""
    pod = a_pod(cpu_m=200)
    assert may_help(pod, Place(a_node("a")))
    assert not may_help(pod, Place(a_node("a", cpu_m=100)))
    assert not may_help(pod, Place(a_node("a", taints=(CONTROL_PLANE,))))
    assert may_help(pod, Place(a_node("a", taints=(Taint("x", "", "NoExecute"),))))
    assert not may_help(replace(pod, node_selector=WEB), Place(a_node("a")))
