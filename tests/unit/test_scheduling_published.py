"""Soft spreading against the scores that Kubernetes' own tests expect (podtopologyspread/scoring_test.go).

Nodes a and b are in zone 1, x and y in zone 2. Pods are written as their labels: "f" has foo, "b" bar, "fb" both.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.scheduling_cases import a_node, a_pod, places
from workbench.model.scheduling.objects import HOSTNAME, Selector, SpreadConstraint
from workbench.model.scheduling.spreading import spread_scores

ZONES = {"a": "zone1", "b": "zone1", "x": "zone2", "y": "zone2"}
FOO = Selector.of({"f": ""})
BAR = Selector.of({"b": ""})
HOST = SpreadConstraint(1, HOSTNAME, False, FOO)
ZONE = SpreadConstraint(1, "zone", False, FOO)
HOST_OF_BAR = SpreadConstraint(1, HOSTNAME, False, BAR)


def scores(
    pods: dict[str, str], constraints: tuple[SpreadConstraint, ...], feasible: str = "abxy", unlabelled: str = ""
) -> list[int]:
    """Return the feasible nodes' scores; `pods` are what runs on each node, separated by spaces."""
    nodes = [a_node(name, labels={"zone": zone}) for name, zone in ZONES.items()]
    nodes = [replace(node, labels={"zone": "zone1"}) if node.name in unlabelled else node for node in nodes]
    running = {
        name: [a_pod(f"{name}{index}", labels=dict.fromkeys(each, "")) for index, each in enumerate(listed.split())]
        for name, listed in pods.items()
    }
    every = places(nodes, **running)
    kept = [place for place in every if place.node.name in feasible]
    pod = a_pod(spread=constraints, default_selector=None if constraints else FOO)
    return spread_scores(pod, every, kept)


@pytest.mark.parametrize(
    ("counts", "max_skew", "expected"),
    [
        ((0, 0, 0, 0), 1, [100, 100, 100, 100]),
        ((2, 1, 0, 3), 1, [20, 60, 100, 0]),
        ((2, 1, 0, 3), 2, [33, 66, 100, 16]),
        ((4, 3, 2, 1), 3, [44, 66, 77, 100]),
    ],
)
def test_one_constraint_over_hosts(counts: tuple[int, ...], max_skew: int, expected: list[int]) -> None:
    """A larger maxSkew lessens the differences."""
    pods = {name: "f " * count for name, count in zip("abxy", counts, strict=True)}
    assert scores(pods, (replace(HOST, max_skew=max_skew),)) == expected


@pytest.mark.parametrize(("unlabelled", "expected"), [("", [33, 83, 100]), ("b", [16, 0, 100])])
def test_only_candidates_with_the_label_are_weighed(unlabelled: str, expected: list[int]) -> None:
    """4, 2 and 1 pods; y with 3 is no candidate; b without the label gets 0 and does not count."""
    pods = {"a": "f f f f", "b": "f f", "x": "f", "y": "f f f"}
    assert scores(pods, (HOST,), "abx", unlabelled) == expected


def test_a_zone_counts_the_pods_of_nodes_that_are_no_candidates() -> None:
    """Zone 1 has 6 pods, zone 2 has 4, of which 3 on y."""
    assert scores({"a": "f f f f", "b": "f f", "x": "f", "y": "f f f"}, (ZONE,), "abx") == [75, 75, 100]


@pytest.mark.parametrize(
    ("pods", "constraints", "feasible", "expected"),
    [
        ({"a": "f f", "b": "f", "x": "f f", "y": "f f f f"}, (ZONE, HOST), "ax", [100, 63]),
        ({"a": "f", "b": "fb", "y": "f b"}, (ZONE, HOST_OF_BAR), "abxy", [60, 20, 100, 60]),
        ({"b": "b", "x": "f", "y": "fb"}, (ZONE, HOST_OF_BAR), "abxy", [100, 60, 40, 0]),
        ({"a": "f", "b": "fb", "y": "f b"}, (ZONE, HOST_OF_BAR), "abx", [50, 25, 100]),
    ],
)
def test_two_constraints_add_up(
    pods: dict[str, str], constraints: tuple[SpreadConstraint, ...], feasible: str, expected: list[int]
) -> None:
    """Zones and hosts, each weighted by how many domains it has, over the same pods or over others."""
    assert scores(pods, constraints, feasible) == expected


def test_the_built_in_constraints_without_zones() -> None:
    """Hosts alone decide, as with one constraint of maxSkew 3 ("zone" is no label that the built-in ones know)."""
    assert scores({"a": "f f f f", "b": "f f f", "x": "f f", "y": "f"}, ()) == [44, 66, 77, 100]
