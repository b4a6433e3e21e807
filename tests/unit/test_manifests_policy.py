"""The manifests keep their policy, and every rule of it notices a breach."""

from __future__ import annotations

import copy
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import manifest_policy as policy
from tests.support.manifest_flows import wrong_flows
from tests.support.manifest_pods import Resource, named, pods
from tests.support.manifest_policy import Rule
from workbench.topology import render

ONPREM = Path(__file__).parents[2] / "manifests" / "overlays" / "onprem"
GONE: Final = object()  # the planted breach is that the key is missing
ALL = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
RULES: tuple[Rule, ...] = (
    policy.unbounded,
    policy.unprobed,
    policy.unrestricted,
    policy.unpinned,
    policy.without_budget,
    policy.of_default_account,
    policy.secrets,
    policy.without_priority,
    policy.too_mighty,
    policy.without_default_deny,
    wrong_flows,
)
TEMPLATE = "spec.template.spec"
CONTAINER = f"{TEMPLATE}.containers.0"
PROCESSOR = "Deployment central-hub/event-processor"
GRAFANA = "StatefulSet monitoring/grafana"
KAFKA = "Kafka central-hub/hub"
# A rule, the resource that breaks it, where, and how.
PLANTED: tuple[tuple[Rule, str, str, Any], ...] = (
    (policy.unbounded, PROCESSOR, f"{CONTAINER}.resources.limits.memory", GONE),
    (policy.unbounded, GRAFANA, f"{CONTAINER}.resources.requests", GONE),
    (policy.unbounded, KAFKA, "spec.entityOperator.userOperator.resources.limits.cpu", GONE),
    (policy.unbounded, "Kubegres central-hub/postgres", "spec.resources.requests.cpu", GONE),
    (policy.unbounded, "Prometheus monitoring/hub", "spec.resources", GONE),
    (policy.unprobed, PROCESSOR, f"{CONTAINER}.livenessProbe", GONE),
    (policy.unprobed, "DaemonSet node-agents/promtail", f"{CONTAINER}.readinessProbe", GONE),
    (policy.unprobed, "Kubegres central-hub/postgres", "spec.probe.readinessProbe", GONE),
    (policy.unrestricted, PROCESSOR, f"{TEMPLATE}.securityContext.runAsNonRoot", GONE),
    (policy.unrestricted, GRAFANA, f"{TEMPLATE}.securityContext.seccompProfile.type", "Unconfined"),
    (policy.unrestricted, GRAFANA, f"{TEMPLATE}.hostNetwork", True),
    (policy.unrestricted, GRAFANA, f"{TEMPLATE}.volumes.0", {"name": "x", "hostPath": {"path": "/"}}),
    (policy.unrestricted, GRAFANA, f"{CONTAINER}.securityContext.allowPrivilegeEscalation", True),
    (policy.unrestricted, GRAFANA, f"{CONTAINER}.securityContext.capabilities.add", ["NET_ADMIN"]),
    (policy.unrestricted, GRAFANA, f"{CONTAINER}.securityContext.readOnlyRootFilesystem", GONE),
    (policy.unrestricted, KAFKA, "spec.kafka.template.kafkaContainer.securityContext.capabilities.drop", ["NET_RAW"]),
    (policy.unrestricted, "Kubegres central-hub/postgres", "spec.securityContext.runAsNonRoot", False),
    (policy.unpinned, GRAFANA, f"{CONTAINER}.image", "grafana/grafana:latest"),
    (policy.unpinned, PROCESSOR, f"{CONTAINER}.image", "event-processor"),
    (policy.unpinned, "Kubegres central-hub/postgres", "spec.image", "postgres"),
    (policy.unpinned, "HelmChart kube-system/istiod", "spec.version", GONE),
    (policy.without_budget, "PodDisruptionBudget central-hub/redis", "spec.selector.matchLabels", {"app": "no-such"}),
    (policy.without_budget, KAFKA, "spec.zookeeper.template.podDisruptionBudget", GONE),
    (policy.of_default_account, PROCESSOR, f"{TEMPLATE}.serviceAccountName", "default"),
    (policy.of_default_account, GRAFANA, f"{TEMPLATE}.serviceAccountName", "no-such"),
    (policy.of_default_account, GRAFANA, f"{TEMPLATE}.automountServiceAccountToken", GONE),
    (policy.secrets, "ConfigMap central-hub/redis-config", "kind", "Secret"),
    (policy.secrets, PROCESSOR, f"{CONTAINER}.env.0", {"name": "REDIS_PASSWORD", "value": "hunter2"}),
    (policy.without_priority, GRAFANA, f"{TEMPLATE}.priorityClassName", "no-such"),
    (policy.without_priority, KAFKA, "spec.kafka.template.pod.priorityClassName", GONE),
    (policy.too_mighty, "ClusterRole /prometheus", "rules.0.verbs", ["*"]),
    (policy.too_mighty, "ClusterRole /kube-state-metrics", "rules.0.resources", ["secrets"]),
    (policy.too_mighty, "ClusterRoleBinding /promtail", "subjects.0.name", "no-such"),
    (policy.without_default_deny, "NetworkPolicy monitoring/default-deny", "spec.ingress", [{}]),
    (policy.without_default_deny, "NetworkPolicy central-hub/default-deny", "metadata.namespace", "elsewhere"),
    (policy.without_default_deny, "ResourceQuota dashboard/dashboard", "metadata.namespace", "elsewhere"),
    (wrong_flows, "NetworkPolicy central-hub/redis", "spec.podSelector.matchLabels", {"app": "no-such"}),
    (wrong_flows, "NetworkPolicy central-hub/redis", "spec.ingress.0.ports.0.port", 6380),
    (
        wrong_flows,
        "NetworkPolicy central-hub/event-processor",
        "spec.egress.0.to.0.podSelector.matchLabels",
        {"a": "b"},
    ),
    (wrong_flows, "NetworkPolicy central-hub/event-processor", "spec.egress", []),
    (wrong_flows, "NetworkPolicy central-hub/postgres", "spec.ingress", []),
    (wrong_flows, "CiliumNetworkPolicy monitoring/prometheus-machines", "spec.endpointSelector.matchLabels.a", "b"),
)


@functools.cache
def onprem() -> tuple[Resource, ...]:
    """Return the reference hub's resources; nobody may change them."""
    return tuple(render(ONPREM))


def with_breach(resources: Sequence[Resource], owner: str, where: str, value: object) -> list[Resource]:
    """Return the resources with one value of one of them replaced, added or taken out."""
    changed = copy.deepcopy(next(resource for resource in resources if named(resource) == owner))
    *path, last = where.split(".")
    place: Any = changed
    for key in path:
        place = place[int(key)] if isinstance(place, list) else place[key]
    if value is GONE:
        del place[last]
    elif isinstance(place, list):
        place[int(last)] = value
    else:
        place[last] = value
    return [changed if named(resource) == owner else resource for resource in resources]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_reference_hub_keeps_the_rule(rule: Rule) -> None:
    """No resource of base, platform and monitoring breaks it, but for the exceptions that state their reason."""
    assert not rule(onprem())


@pytest.mark.parametrize(
    ("rule", "owner", "where", "value"), PLANTED, ids=lambda value: getattr(value, "__name__", None)
)
def test_the_rule_notices_a_breach(rule: Rule, owner: str, where: str, value: object) -> None:
    """One planted breach is reported."""
    assert rule(with_breach(onprem(), owner, where, value))


def test_every_rule_has_a_planted_breach() -> None:
    """None of them is there without proof that it bites."""
    assert {rule for rule, *_ in PLANTED} == {*RULES}


def test_exceptions_are_of_something() -> None:
    """Each names a workload or namespace that exists, and a rule; what is mended loses its exception."""
    owners = {" ".join(pod.owner.split()[:2]) for pod in pods(onprem())} | {pod.namespace for pod in pods(onprem())}
    assert {owner for _, owner in policy.EXCEPTIONS} <= owners
