"""A node's power-off judged: moments from facts as they arrive, and the forecast they are held to."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from workbench.drill.nodes.facts import (
    EndpointsFact,
    Facts,
    Lost,
    NodeFact,
    PodFact,
    RulesFact,
    endpoint_moments,
    observed_moments,
)
from workbench.drill.nodes.trial import trial_objects
from workbench.drill.nodes.watching import endpoints_fact, node_fact, pod_fact
from workbench.model.control_plane import release
from workbench.model.control_plane.endpoint import endpoint_forecast
from workbench.model.control_plane.trial import trial_forecast

LOST = Lost("worker-1", {"a": "10.0.0.1", "b": "10.0.0.2"}, cut_s=100.0)


def _pod(at_s: float, name: str, node: str, *, running: bool = True, terminating: bool = False) -> PodFact:
    return PodFact(at_s, name, node, "", running, running, terminating)


def _facts() -> Facts:
    """Two pods lost at 100 s, gone from everywhere and replaced by 182 s."""
    return Facts(
        nodes=[
            NodeFact(90.0, "worker-1", True, False),
            NodeFact(120.0, "worker-2", False, True),  # another node's trouble
            NodeFact(139.0, "worker-1", False, False),
            NodeFact(145.0, "worker-1", False, True),
        ],
        pods=[
            _pod(90.0, "a", "worker-1"),
            _pod(90.0, "b", "worker-1"),
            _pod(90.0, "other", "worker-2"),
            _pod(175.0, "b", "worker-1", terminating=True),
            _pod(176.0, "new-1", "", running=False),
            _pod(180.0, "new-1", "worker-2"),
            _pod(182.0, "new-2", "worker-3"),
        ],
        endpoints=[EndpointsFact(90.0, ("a", "b", "other")), EndpointsFact(139.5, ("b",)), EndpointsFact(140.0, ())],
        rules=[
            RulesFact(99.0, "worker-2", ()),  # before the cut: says nothing
            RulesFact(139.0, "worker-2", ("10.0.0.2",)),
            RulesFact(140.5, "worker-2", ()),
            RulesFact(141.5, "worker-3", ()),
        ],
    )


def test_moments_count_from_the_cut() -> None:
    """The first change of the lost node and its pods counts; rules are gone when the last node has written them."""
    assert observed_moments(_facts(), LOST, ["worker-2", "worker-3"]) == {
        "not_ready_s": 39.0,
        "tainted_s": 45.0,
        "endpoints_gone_s": 40.0,
        "rules_gone_s": 41.5,
        "evicted_s": 75.0,
        "replacement_running_s": 82.0,
    }


def test_what_did_not_come_is_none() -> None:
    """One replacement of two, and a node whose rules were never read, are no moments."""
    facts = _facts()
    facts.pods.pop()
    moments = observed_moments(facts, LOST, ["worker-2", "worker-3", "control-plane"])
    assert (moments["replacement_running_s"], moments["rules_gone_s"]) == (None, None)


def test_objects_are_read_as_the_api_gives_them() -> None:
    """Readiness, the NoExecute taint and a deletion are found in the API's own form."""
    taint = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}
    unknown = {"type": "Ready", "status": "Unknown"}
    node = {"metadata": {"name": "w"}, "spec": {"taints": [taint]}, "status": {"conditions": [unknown]}}
    assert node_fact(1.0, node) == NodeFact(1.0, "w", ready=False, evicting=True)
    pod = {
        "metadata": {"name": "p", "deletionTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"nodeName": "w"},
        "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]},
    }
    assert pod_fact(1.0, pod, gone=False) == PodFact(1.0, "p", "w", "10.0.0.1", True, True, True)
    listed = [
        {"conditions": {"ready": True}, "targetRef": {"name": "p"}},
        {"conditions": {"ready": False}, "targetRef": {"name": "q"}},
    ]
    assert endpoints_fact(1.0, {"endpoints": listed}).ready == ("p",)
    assert endpoints_fact(1.0, {"endpoints": None}).ready == ()


@pytest.mark.parametrize("toleration_s", [5, 30])
def test_the_forecast_follows_the_pods_toleration(toleration_s: int) -> None:
    """Every moment comes in every replication, in order; pods leave their toleration after the taint."""
    nodes = ["control-plane", "worker-1", "worker-2"]
    forecast = trial_forecast("worker-1", nodes, ["a", "b"], toleration_s, release("1.29"), 200, seed=3)
    moments = {moment.name: moment.values for moment in forecast.moments}
    assert np.allclose(moments["evicted_s"] - moments["tainted_s"], toleration_s)
    in_order = ["not_ready_s", "endpoints_gone_s", "rules_gone_s"]
    assert all((moments[a] < moments[b]).all() for a, b in itertools.pairwise(in_order))
    assert (moments["replacement_running_s"] > moments["evicted_s"] + 1.0).all()
    toleration = trial_objects(2, toleration_s)[2]["spec"]["template"]["spec"]["tolerations"][0]
    assert toleration["tolerationSeconds"] == toleration_s


def test_a_deleted_pod_leaves_each_node_s_rules() -> None:
    """Each node has a moment of its own, after the slice's change; what a node's rules never forget is none."""
    facts = Facts(
        endpoints=[EndpointsFact(90.0, ("b",)), EndpointsFact(99.9, ("b",)), EndpointsFact(101.0, ("b", "new"))],
        rules=[RulesFact(99.9, "w1", ()), RulesFact(100.2, "w1", ("10.0.0.1",)), RulesFact(100.4, "w1", ())],
    )
    assert endpoint_moments(facts, "a", ["w1", "w2"], 100.0) == {
        "endpoints_gone_s": 0.0,
        "rules_gone_w1_s": pytest.approx(0.4),
        "rules_gone_w2_s": None,
    }
    moments, _ = endpoint_forecast(["w1", "w2"], release("1.29"), 200, seed=1)
    slices, first, second = (moment.values for moment in moments)
    assert (first > slices).all()
    assert (second > slices).all()
    assert not np.array_equal(first, second)
