"""The trial's own pods: a Deployment spread over the workers with a Service, in a namespace that goes with it.

What the containers do is of no matter to the control plane; they answer HTTP so that readiness is real.
"""

from __future__ import annotations

from typing import Any, Final

from workbench.target.throwaway.images import REGISTRY

NAMESPACE: Final = "node-loss-trial"
NAME: Final = "trial"
LABELS: Final = {"app": NAME}
PORT: Final = 8080
PODS_A_WORKER: Final = 2
UNREACHABLE: Final = "node.kubernetes.io/unreachable"
NOT_READY: Final = "node.kubernetes.io/not-ready"


def trial_objects(workers: int, toleration_s: int) -> list[dict[str, Any]]:
    """Return the trial's objects; each pod tolerates its node's silence for `toleration_s`."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {"selector": LABELS, "ports": [{"port": 80, "targetPort": PORT}]},
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {
            "replicas": workers * PODS_A_WORKER,
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": _pod(toleration_s)},
        },
    }
    return [namespace, service, deployment]


def bare_pod(name: str, node: str = "") -> dict[str, Any]:
    """Return a pod of nobody's and of no Service; on `node`, without the scheduler, where one is named."""
    spec = _pod(0)
    spec |= {"tolerations": [{"operator": "Exists", "effect": "NoExecute"}]}
    spec |= {"nodeName": node} if node else {"nodeSelector": {"kubernetes.io/os": "linux"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


def _pod(toleration_s: int) -> dict[str, Any]:
    tolerations = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": toleration_s}
        for key in (UNREACHABLE, NOT_READY)
    ]
    container = {
        "name": NAME,
        "image": f"{REGISTRY}/busybox:1",
        "imagePullPolicy": "Never",
        "command": ["/bin/busybox", "httpd", "-f", "-p", str(PORT), "-h", "/"],
        "ports": [{"containerPort": PORT}],
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
    }
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": LABELS},
    }
    return {
        "containers": [container],
        "tolerations": tolerations,
        "topologySpreadConstraints": [spread],
        "terminationGracePeriodSeconds": 1,
    }
