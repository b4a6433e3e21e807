"""The hub's own alerts on a real Kubernetes: real faults make its rules fire, and the receiver is told in time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.throwaway import BUILD_S, a_cluster, say
from tests.support.waiting import wait_for
from workbench.model.control_plane.alerting import delivery_delay_s
from workbench.model.control_plane.constants import Draws, alert_rows, release, rows
from workbench.target.throwaway import building
from workbench.target.throwaway.cluster import Cluster, find
from workbench.target.throwaway.hub.deploying import deploy_hub
from workbench.target.throwaway.kubectl import Kubectl
from workbench.target.throwaway.layout import KUBERNETES
from workbench.target.throwaway.monitoring.asking import Asking, Delivery
from workbench.target.throwaway.monitoring.deploying import deploy_monitoring
from workbench.topology.alerting import read_alerting

pytestmark = [
    pytest.mark.integration,
    pytest.mark.long,
    pytest.mark.skipif(
        not all(building._folder(module).exists() for module in building.MONITORING),
        reason="Prometheus is not built yet: workbench cluster monitoring does that, once a machine",
    ),
]
MANIFESTS = Path(__file__).parents[2] / "manifests"
OVERLAY = MANIFESTS / "overlays" / "throwaway"
VICTIM = "worker-3"  # nothing of monitoring is on it
NAMESPACE = "monitoring"
POLL_S = 0.2
NOT_READY_S = 70.0  # 1.29 gives a node 40 s, and looks every 5 s
RANGE_OF = 100_000  # so many draws: their least and most are the ends of the range to 0.2 s


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster of three workers with the hub and its monitoring on it, for all tests of this file."""
    with a_cluster(workers=3) as made:
        yield made


@pytest.fixture
def asking(kubectl: Kubectl) -> Asking:
    """The cluster's Prometheus and its receiver of alerts."""
    return Asking(kubectl, NAMESPACE)


def _schedule(kubectl: Kubectl, node: str, *, allowed: bool) -> None:
    """Let new pods onto a node, or keep them away."""
    kubectl.apply(
        json.dumps(
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}, "spec": {"unschedulable": not allowed}}
        )
    )


def _moment(holds: Callable[[], bool], timeout_s: float, what: str) -> float:
    """Return when a condition first held (epoch s), to POLL_S."""
    wait_for(holds, timeout_s, what)
    return time.time()


def _predicted_s(alert: str) -> tuple[float, float]:
    """Return the least and the most that the model gives an alert from the change to its delivery."""
    alerting = read_alerting(MANIFESTS / "monitoring", alert)
    assert alerting is not None
    delays_s = delivery_delay_s(Draws({**rows(release(KUBERNETES)), **alert_rows(alerting)}, 1, RANGE_OF))
    return float(np.min(delays_s)), float(np.max(delays_s))


def _delivered(asking: Asking, alert: str, since_s: float, label: tuple[str, str]) -> Delivery:
    """Wait for an alert's first delivery after a moment; say its delay beside the prediction, and hold it to that."""
    low_s, high_s = _predicted_s(alert)
    name, value = label
    found: list[Delivery] = []

    def told() -> bool:
        found[:] = [
            each
            for each in asking.deliveries()
            if (each.alert, each.status, each.labels.get(name)) == (alert, "firing", value)
            and each.received_s > since_s
        ]
        return bool(found)

    wait_for(told, high_s + 30.0, f"{alert} of {value} delivered (alerts now: {asking.alert_states()})")
    delay_s = found[0].received_s - since_s
    say(f"{alert}: delivered {delay_s:.1f} s after the change; predicted {low_s:.1f} to {high_s:.1f} s")
    assert low_s <= delay_s <= high_s
    return found[0]


@pytest.mark.timeout(BUILD_S)
def test_monitoring_comes_up_beside_the_hub(cluster: Cluster, kubectl: Kubectl, asking: Asking) -> None:
    """Every target that exists is up, every rule is there with the hub's interval, and the receiver hears of them."""
    deploy_hub(cluster, OVERLAY, say)
    _schedule(kubectl, VICTIM, allowed=False)
    deployed = deploy_monitoring(cluster, OVERLAY / "monitoring", say)
    _schedule(kubectl, VICTIM, allowed=True)
    assert deployed.targets["kubelet"] == 4
    assert {"apiserver", "etcd", "kube-controller-manager", "kube-scheduler"} <= deployed.targets.keys()
    assert (deployed.targets["kafka"], deployed.targets["zookeeper"]) == (3, 3)
    assert len(asking.alert_states()) == deployed.alert_rules
    assert set(asking.rule_intervals_s().values()) == {15.0}
    lacking = {each.alert for each in deployed.without_target}
    assert not {"NodeNotReady", "PodUnschedulable", "KafkaBrokerDown", "ZooKeeperQuorumLost"} & lacking
    assert {"LoadBalancerDown", "PostgresDown", "RedisDown"} <= lacking
    say(f"every target up {deployed.targets_s:.1f} s after the first of {deployed.objects} objects")


@pytest.mark.timeout(300)
def test_a_pod_that_finds_no_node_is_told(kubectl: Kubectl, asking: Asking) -> None:
    """A rule with a `for` and the longer wait: pending for two evaluations, and grouped for 30 s."""
    spec = {"containers": [{"name": "one", "image": "none", "resources": {"requests": {"cpu": "1000"}}}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "giant", "namespace": "default"}, "spec": spec}
    kubectl.apply(json.dumps(pod))

    def is_refused() -> bool:
        (status,) = (each["status"] for each in kubectl.items("pods", "--namespace=default"))
        return any(each.get("reason") == "Unschedulable" for each in status.get("conditions", ()))

    since_s = _moment(is_refused, 30.0, "no node for the pod")
    _delivered(asking, "PodUnschedulable", since_s, ("pod", "giant"))
    kubectl.delete("pod", "giant", "default")


@pytest.mark.timeout(400)
def test_a_node_s_power_off_is_told(cluster: Cluster, kubectl: Kubectl, asking: Asking) -> None:
    """From NotReady to the receiver as the model says; the hub's brokers and databases on it are gone as well."""
    on = find(cluster.layout.cluster_id)
    cut_s = on.power_off(on.node(VICTIM))

    def is_ready() -> bool:
        status: dict[str, Any] = next(
            each["status"] for each in kubectl.items("nodes") if each["metadata"]["name"] == VICTIM
        )
        return any(each["type"] == "Ready" and each["status"] == "True" for each in status["conditions"])

    not_ready_s = _moment(lambda: not is_ready(), NOT_READY_S, f"{VICTIM} NotReady")
    delivery = _delivered(asking, "NodeNotReady", not_ready_s, ("node", VICTIM))
    assert delivery.labels["severity"] == "critical"
    say(f"NotReady {not_ready_s - cut_s:.1f} s, its alert {delivery.received_s - cut_s:.1f} s after the cut")
