"""The Deployment of the stand-in for Kubegres's manager, with no rights but its namespace's StatefulSets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from workbench.fault import FailoverRule
from workbench.target.throwaway.hub import kubegres_failover
from workbench.target.throwaway.hub.images import EVENT_PROCESSOR, LIBRARY
from workbench.target.throwaway.hub.jobs import FOLDER
from workbench.target.throwaway.hub.kinds import Object

NAME: Final = "kubegres-stand-in"
RESOURCE: Final = "kubegres.json"


def manager_objects(kubegres: Mapping[str, Any], failover: FailoverRule) -> list[Object]:
    """Return the Deployment, what it reads, and its rights; without fail-over it has no pod."""
    namespace = kubegres["metadata"]["namespace"]
    labels = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/managed-by": NAME}
    metadata = {"name": NAME, "namespace": namespace, "labels": labels}
    verbs = ["get", "list", "create", "patch", "delete"]
    rights = [{"apiGroups": ["apps"], "resources": ["statefulsets"], "verbs": verbs}]
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata,
            "data": {RESOURCE: json.dumps(kubegres)},
        },
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": rights},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": NAME},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}],
        },
        _to_the_api(metadata, labels),
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "replicas": 1 if failover is FailoverRule.KUBEGRES_RULES else 0,
                "strategy": {"type": "Recreate"},  # never two that decide
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": _pod()},
            },
        },
    ]


def _to_the_api(metadata: Object, labels: Object) -> Object:
    """Return what lets it reach the API server, at whichever address that is."""
    ports = [{"port": port, "protocol": "TCP"} for port in (443, 6443)]
    spec = {"podSelector": {"matchLabels": labels}, "policyTypes": ["Egress"], "egress": [{"ports": ports}]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def _pod() -> Object:
    container = {
        "name": NAME,
        "image": f"{LIBRARY}/{EVENT_PROCESSOR}",
        "command": ["/usr/local/bin/python", "-m", kubegres_failover.__name__, f"{FOLDER}/{RESOURCE}"],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": {"requests": {"cpu": "10m", "memory": "48Mi"}, "limits": {"cpu": "200m", "memory": "128Mi"}},
        "volumeMounts": [{"name": "resource", "mountPath": FOLDER, "readOnly": True}],
    }
    return {
        "serviceAccountName": NAME,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": "resource", "configMap": {"name": NAME}}],
    }
