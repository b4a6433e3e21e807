"""The pods of a burst: alike, small, and for KWOK's nodes alone, in a namespace that goes with them."""

from __future__ import annotations

from typing import Any, Final

from workbench.target.throwaway.addons import FAKE_TAINT

NAMESPACE: Final = "pod-burst"
PROBE_NAMESPACE: Final = "pod-burst-probe"
NAME: Final = "burst"
CPU_M: Final = 100
MEMORY_MIB: Final = 64
PODS_A_NODE: Final = 80  # of the 8 CPU of a node, by CPU_M


def namespace_object(name: str) -> dict[str, Any]:
    """Return a namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def deployment(pods: int) -> dict[str, Any]:
    """Return a Deployment of so many."""
    labels = {"app": NAME}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME},
        "spec": {
            "replicas": pods,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": _spec()},
        },
    }


def bare_pod(number: int) -> dict[str, Any]:
    """Return a pod that nobody owns."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"{NAME}-{number}"}, "spec": _spec()}


def _spec() -> dict[str, Any]:
    return {
        "nodeSelector": {"type": "kwok"},
        "tolerations": [{"key": FAKE_TAINT, "operator": "Exists"}],
        "terminationGracePeriodSeconds": 0,
        "containers": [
            {
                "name": NAME,
                "image": "none:1",  # nobody starts it
                "resources": {"requests": {"cpu": f"{CPU_M}m", "memory": f"{MEMORY_MIB}Mi"}},
            }
        ],
    }
