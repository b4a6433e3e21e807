"""What makes a bare control plane a cluster: DNS, KWOK nodes on request; and the waits until all of it answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import resources
from typing import Any, Final

import yaml

from workbench.errors import ToolFailed
from workbench.target.throwaway.kubectl import Kubectl
from workbench.target.throwaway.layout import Layout

Progress = Callable[[str], None]
TIMEOUT_S: Final = 100.0  # of each wait; seen: 6 s for the API server, 10 s for nodes and DNS
POLL_S: Final = 0.25
FAKE_TAINT: Final = "kwok.x-k8s.io/node"  # keeps pods away that do not ask for such nodes
FAKE_SIZE: Final = {"cpu": "8", "memory": "8Gi", "pods": "110"}  # a worker of the hub (manifests/base/nodes)


def wait_for_api(kubectl: Kubectl, progress: Progress) -> None:
    """Return once the API server is ready."""
    progress("waiting for the API server")
    _wait("the API server is not ready", kubectl.is_ready)


def wait_for_nodes(kubectl: Kubectl, layout: Layout, progress: Progress) -> None:
    """Return once every node is Ready."""
    progress("waiting for the nodes")
    wanted = {node.name for node in layout.nodes}
    _wait(f"not all of {', '.join(sorted(wanted))} are Ready", lambda: wanted <= ready_nodes(kubectl))


def install(kubectl: Kubectl, fake_nodes: int, progress: Progress) -> None:
    """Install DNS and `fake_nodes` of KWOK's; return once the pods of both are ready."""
    progress("installing DNS" + (f" and {fake_nodes} KWOK nodes" if fake_nodes else ""))
    wanted = {"coredns"}
    kubectl.apply(_objects("coredns"))
    if fake_nodes:
        wanted.add("kwok")
        kubectl.apply(_objects("kwok"))
        kubectl.apply(yaml.safe_dump_all(_fake_node(number) for number in range(fake_nodes)))
    _wait(f"not all of {', '.join(sorted(wanted))} are available", lambda: wanted <= _available(kubectl))


def ready_nodes(kubectl: Kubectl) -> set[str]:
    """Return the names of the nodes that are Ready."""
    return {node["metadata"]["name"] for node in kubectl.items("nodes") if _is(node, "Ready")}


def _available(kubectl: Kubectl) -> set[str]:
    deployments = kubectl.items("deployments", "--namespace=kube-system")
    return {deployment["metadata"]["name"] for deployment in deployments if _is(deployment, "Available")}


def _is(thing: dict[str, Any], condition: str) -> bool:
    conditions = thing["status"].get("conditions", [])
    return any(one["type"] == condition and one["status"] == "True" for one in conditions)


def _objects(name: str) -> str:
    return (resources.files("workbench.target.throwaway") / "objects" / f"{name}.yaml").read_text()


def _fake_node(number: int) -> dict[str, Any]:
    name = f"kwok-{number:03d}"
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {FAKE_TAINT: "fake"},
            "labels": {"type": "kwok", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux"},
        },
        "spec": {"taints": [{"key": FAKE_TAINT, "value": "fake", "effect": "NoSchedule"}]},
        "status": {"capacity": dict(FAKE_SIZE), "allocatable": dict(FAKE_SIZE)},
    }


def _wait(trouble: str, condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + TIMEOUT_S
    while not condition():
        if time.monotonic() > deadline_s:
            raise ToolFailed(f"{trouble} after {TIMEOUT_S:.0f} s")
        time.sleep(POLL_S)
