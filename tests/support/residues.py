"""Residues as tools of this kind leave them, each planted on a cluster by kubectl, and what an audit must call it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from workbench.target.throwaway.addons import FAKE_TAINT

NAMESPACE: Final = "residues"
NEW_NAMESPACE: Final = "left-behind"
WEBHOOK_NAMESPACE: Final = "no-such-namespace"  # it chooses nothing, so it harms nobody


@dataclass(frozen=True)
class Residue:
    """One of them: kubectl's words, or an object to apply, and the name it must be found under."""

    found_as: str  # "Node kwok-001: spec.unschedulable"
    words: tuple[str, ...] = ()
    manifest: dict[str, Any] | None = None


def _object(api: str, kind: str, name: str, namespace: str = NAMESPACE, **content: Any) -> dict[str, Any]:
    place = {"namespace": namespace} if namespace else {}
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, **place}, **content}


def _pod_spec() -> dict[str, Any]:
    return {
        "nodeSelector": {"type": "kwok"},
        "tolerations": [{"key": FAKE_TAINT, "operator": "Exists"}],  # not a cordon's: a drained pod must not come back
        "containers": [{"name": "main", "image": "none:1", "resources": {"requests": {"cpu": "10m"}}}],
    }


def _workload(kind: str, **more: Any) -> dict[str, Any]:
    labels = {"app": kind.lower()}
    template = {"metadata": {"labels": labels}, "spec": _pod_spec()}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template, **more}
    return _object("apps/v1", kind, kind.lower(), spec=spec)


def _crd() -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": "Store", "plural": "stores", "singular": "store"}
    spec = {"group": "drills.example", "names": names, "scope": "Namespaced", "versions": [version]}
    return _object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "stores.drills.example", "", spec=spec)


CUSTOM_KIND: Final = _crd()
NAMESPACE_OBJECT: Final = _object("v1", "Namespace", NAMESPACE, "")
BEFORE: Final = (
    _workload("Deployment"),
    _workload("StatefulSet", serviceName="none"),
    _object("v1", "Service", "door", spec={"selector": {"app": "deployment"}, "ports": [{"port": 80}]}),
    _object("v1", "ConfigMap", "settings", data={"level": "info"}),
    _object("v1", "Secret", "password", stringData={"word": "one"}),
    _object(
        "policy/v1",
        "PodDisruptionBudget",
        "kept",
        spec={"minAvailable": 1, "selector": {"matchLabels": {"app": "deployment"}}},
    ),
    _object("policy/v1", "PodDisruptionBudget", "doomed", spec={"minAvailable": 0, "selector": {}}),
    _object("networking.k8s.io/v1", "NetworkPolicy", "changed", spec={"podSelector": {}, "policyTypes": ["Ingress"]}),
    _object("drills.example/v1", "Store", "one", spec={"replicas": 3}),
)
_PATCH: Final = ("patch", f"--namespace={NAMESPACE}")
_WEBHOOK: Final = {
    "name": "left.drills.example",
    "clientConfig": {"url": "https://127.0.0.1:1/"},
    "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": WEBHOOK_NAMESPACE}},
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
    "failurePolicy": "Ignore",
}
RESIDUES: Final = (
    Residue("Node kwok-001: spec.unschedulable", ("cordon", "kwok-001")),
    Residue(
        "Node kwok-002: spec.taints[drill:NoSchedule].effect", ("taint", "node", "kwok-002", "drill=left:NoSchedule")
    ),
    Residue("Node kwok-003: metadata.labels.drill", ("label", "node", "kwok-003", "drill=left")),
    Residue("Node kwok-003: metadata.annotations.drill", ("annotate", "node", "kwok-003", "drill=left")),
    Residue("Node kwok-005: ", ("delete", "node", "kwok-005")),
    Residue(
        f"Deployment {NAMESPACE}/deployment: spec.replicas",
        ("scale", "deployment/deployment", f"--namespace={NAMESPACE}", "--replicas=1"),
    ),
    Residue(
        f"Deployment {NAMESPACE}/deployment: spec.paused",
        ("rollout", "pause", "deployment/deployment", f"--namespace={NAMESPACE}"),
    ),
    Residue(
        f"StatefulSet {NAMESPACE}/statefulset: spec.replicas",
        ("scale", "statefulset/statefulset", f"--namespace={NAMESPACE}", "--replicas=3"),
    ),
    Residue(
        f"Service {NAMESPACE}/door: spec.selector.app",
        (*_PATCH, "service", "door", "--patch", '{"spec": {"selector": {"app": "nobody"}}}'),
    ),
    Residue(
        f"ConfigMap {NAMESPACE}/settings: data.level",
        (*_PATCH, "configmap", "settings", "--patch", '{"data": {"level": "debug"}}'),
    ),
    Residue(
        f"Secret {NAMESPACE}/password: data.word",
        (*_PATCH, "secret", "password", "--patch", '{"stringData": {"word": "two"}}'),
    ),
    Residue(
        f"PodDisruptionBudget {NAMESPACE}/kept: spec.minAvailable",
        (*_PATCH, "pdb", "kept", "--patch", '{"spec": {"minAvailable": 0}}'),
    ),
    Residue(f"PodDisruptionBudget {NAMESPACE}/doomed: ", ("delete", "pdb", "doomed", f"--namespace={NAMESPACE}")),
    Residue(
        f"NetworkPolicy {NAMESPACE}/changed: spec.policyTypes[1]",
        (*_PATCH, "netpol", "changed", "--patch", '{"spec": {"policyTypes": ["Ingress", "Egress"]}}'),
    ),
    Residue(
        f"NetworkPolicy {NAMESPACE}/chaos-deny-all: ",
        manifest=_object("networking.k8s.io/v1", "NetworkPolicy", "chaos-deny-all", spec={"podSelector": {}}),
    ),
    Residue(
        f"Store {NAMESPACE}/one: metadata.annotations.drills.example/pause-reconciliation",
        (
            "annotate",
            "stores.drills.example",
            "one",
            f"--namespace={NAMESPACE}",
            "drills.example/pause-reconciliation=true",
        ),
    ),
    Residue(f"Namespace {NEW_NAMESPACE}: ", ("create", "namespace", NEW_NAMESPACE)),
    Residue(f"Pod {NAMESPACE}/stress: ", manifest=_object("v1", "Pod", "stress", spec=_pod_spec())),
    Residue(
        "Pod hub-workbench/agent-left: ",
        manifest=_object("v1", "Pod", "agent-left", "hub-workbench", spec=_pod_spec()),
    ),
    Residue(
        f"ResourceQuota {NAMESPACE}/none: ",
        manifest=_object("v1", "ResourceQuota", "none", spec={"hard": {"pods": "100"}}),
    ),
    Residue(
        "ValidatingWebhook left: ",
        manifest=_object(
            "admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "left", "", webhooks=[_WEBHOOK]
        ),
    ),
    Residue(
        "ClusterRoleBinding left: ", ("create", "clusterrolebinding", "left", "--clusterrole=view", "--user=nobody")
    ),
    Residue(
        f"CronJob {NAMESPACE}/again: ",
        manifest=_object(
            "batch/v1",
            "CronJob",
            "again",
            spec={
                "schedule": "0 0 1 1 *",
                "jobTemplate": {"spec": {"template": {"spec": {**_pod_spec(), "restartPolicy": "Never"}}}},
            },
        ),
    ),
)

# What takes them away again: a pod that nobody owns would keep a later test from draining its node.
REMOVAL: Final = (
    ("delete", "namespace", NAMESPACE, NEW_NAMESPACE, "--wait=true"),
    ("delete", "crd/stores.drills.example", "validatingwebhookconfiguration/left", "clusterrolebinding/left"),
    ("uncordon", "kwok-001"),
    ("taint", "node", "kwok-002", "drill-"),
    ("label", "node", "kwok-003", "drill-"),
    ("annotate", "node", "kwok-003", "drill-"),
)

DRAINED: Final = "drained"


def drained_objects(min_available: int) -> list[dict[str, Any]]:
    """Return a Deployment of two pods with a disruption budget, in a namespace of its own."""
    labels = {"app": "moved"}
    template = {"metadata": {"labels": labels}, "spec": _pod_spec()}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    budget = {"minAvailable": min_available, "selector": {"matchLabels": labels}}
    return [
        _object("v1", "Namespace", DRAINED, ""),
        _object("apps/v1", "Deployment", "moved", DRAINED, spec=spec),
        _object("policy/v1", "PodDisruptionBudget", "moved", DRAINED, spec=budget),
    ]
