"""Small nodes, pods and YAML files for tests of the scheduler's model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.model.scheduling.cluster import Cluster, Place
from workbench.model.scheduling.objects import HOSTNAME, Node, Pod, PodTerm, Requests, Selector

MI = 2**20


def a_node(name: str, cpu_m: int = 4000, memory_mi: int = 4000, pods: int = 110, **more: Any) -> Node:
    """Return a node with its hostname label and those of `labels`."""
    labels = {HOSTNAME: name, **more.pop("labels", {})}
    return Node(name, cpu_m, memory_mi * MI, pods, labels, **more)


def a_pod(name: str = "new", cpu_m: int = 0, memory_mi: int = 0, **more: Any) -> Pod:
    """Return a pod that states both requests, so that they count as they are."""
    bytes_ = memory_mi * MI
    return Pod(name, requests=Requests(cpu_m, bytes_, cpu_m, bytes_), **more)


def a_cluster(nodes: list[Node], **pods: list[Pod]) -> Cluster:
    """Return nodes with the pods that run on them, by the nodes' names."""
    cluster = Cluster(nodes)
    for name, running in pods.items():
        for pod in running:
            cluster.place(name).add(pod)
    return cluster


def places(nodes: list[Node], **pods: list[Pod]) -> list[Place]:
    """Return the same as a list."""
    return a_cluster(nodes, **pods).places


def near(app: str, key: str = HOSTNAME) -> PodTerm:
    """Return the term that means pods with app=... in the default namespace."""
    return PodTerm(key, Selector.of({"app": app}), frozenset({"default"}))


def written(folder: Path, text: str) -> Path:
    """Write a YAML file and return its path."""
    path = folder / "objects.yaml"
    path.write_text(text)
    return path
