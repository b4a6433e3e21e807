"""What the reference hub's pods request, and where they fit: a plain packing, not the kube-scheduler's own scores."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.support.manifest_pods import Resource, pods

_FACTORS: Final = {"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30}
RELOADER: Final = (0.010, 50 * 2.0**20)  # prometheus-operator 0.75.2 puts one beside each of its servers: 10m, 50Mi
SIDECAR_LABEL: Final = "sidecar.istio.io/inject"


@dataclass(frozen=True)
class Ask:
    """One pod's requests. `own_worker`: no two of `owner` on one worker."""

    owner: str
    namespace: str
    cores: float
    memory_bytes: float
    own_worker: bool = False
    priority: int = 0


@dataclass
class Worker:
    """What is left of a worker, and whose pods it holds."""

    cores: float
    memory_bytes: float
    owners: list[str]


def quantity(text: object) -> float:
    """Return a Kubernetes quantity as a number (cores or bytes)."""
    match = re.fullmatch(r"([\d.]+)([A-Za-z]*)", str(text))
    assert match is not None, text
    return float(match[1]) * _FACTORS[match[2]]


def asks(resources: Sequence[Resource], workers: int) -> list[Ask]:
    """Return every pod that wants room on the workers, rendered ones and those installed by reference."""
    proxy = sidecar(resources)
    priorities, default = _priorities(resources)
    found: list[Ask] = []
    for pod in pods(resources):
        cores = sum(quantity(container["resources"]["requests"]["cpu"]) for container in pod.containers)
        memory_bytes = sum(quantity(container["resources"]["requests"]["memory"]) for container in pod.containers)
        beside = proxy if pod.labels.get(SIDECAR_LABEL) == "true" else (0.0, 0.0)
        if pod.owner.startswith(("Prometheus", "Alertmanager")):
            beside = RELOADER
        count = workers if pod.each_node else pod.replicas
        alone = pod.each_node or pod.each_its_own_worker
        priority = priorities[pod.spec.get("priorityClassName", default)]
        found += [Ask(pod.owner, pod.namespace, cores + beside[0], memory_bytes + beside[1], alone, priority)] * count
    for name, stated in installed(resources).items():
        each = "per_worker" in stated
        count = workers if each else int(stated["pods"])
        priority = priorities[stated.get("priority", default)]
        found += [Ask(name, "", quantity(stated["cpu"]), quantity(stated["memory"]), each, priority)] * count
    return found


def _priorities(resources: Sequence[Resource]) -> tuple[dict[str, int], str]:
    """Return each priority class's value, Kubernetes' own two among them, and the name of the default one."""
    classes = [item for item in resources if item["kind"] == "PriorityClass"]
    (default,) = (item["metadata"]["name"] for item in classes if item.get("globalDefault"))
    own = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
    return own | {item["metadata"]["name"]: item["value"] for item in classes}, default


def installed(resources: Sequence[Resource]) -> dict[str, Mapping[str, Any]]:
    """Return what the ConfigMap installed-by-reference states of each component."""
    config = next(item for item in resources if item["metadata"]["name"] == "installed-by-reference")
    return {name: yaml.safe_load(text) for name, text in config["data"].items()}


def sidecar(resources: Sequence[Resource]) -> tuple[float, float]:
    """Return what the mesh's sidecar requests: cores and bytes."""
    chart = next(item for item in resources if (item["kind"], item["metadata"]["name"]) == ("HelmChart", "istiod"))
    proxy = yaml.safe_load(chart["spec"]["valuesContent"])["global"]["proxy"]["resources"]["requests"]
    return quantity(proxy["cpu"]), quantity(proxy["memory"])


def allocatable(cores: float, memory_bytes: float, agent: Path) -> tuple[float, float]:
    """Return what a worker has for pods: the machine less what rke2/agent.yaml reserves and the eviction threshold."""
    for argument in yaml.safe_load(agent.read_text())["kubelet-arg"]:
        name, _, stated = argument.partition("=")
        if name.endswith("-reserved"):
            reserved = dict(part.split("=") for part in stated.split(","))
            cores -= quantity(reserved["cpu"])
            memory_bytes -= quantity(reserved["memory"])
        elif name == "eviction-hard":
            memory_bytes -= quantity(dict(part.split("<") for part in stated.split(","))["memory.available"])
    return cores, memory_bytes


def worker_size(resources: Sequence[Resource], agent: Path) -> tuple[float, float]:
    """Return cores and bytes that a worker of hub-shape has for pods."""
    shape = next(item for item in resources if item["metadata"]["name"] == "hub-shape")["data"]
    (text,) = set(shape.values())  # all three are alike
    stated = yaml.safe_load(text)
    return allocatable(quantity(stated["cpu"]), quantity(stated["memory"]), agent)


def pack(wanted: Sequence[Ask], size: tuple[float, float], workers: int) -> tuple[list[Worker], list[str]]:
    """Return the filled workers and the owners of pods that fit on none.

    In the order of priority, since the scheduler takes room from pods of a lower one; within it first those of which
    each worker holds one, then the largest by memory; each on the worker with most memory left.
    """
    room = [Worker(*size, owners=[]) for _ in range(workers)]
    pending: list[str] = []
    for ask in sorted(wanted, key=lambda ask: (-ask.priority, not ask.own_worker, -ask.memory_bytes, ask.owner)):
        fitting = [
            worker
            for worker in room
            if worker.cores >= ask.cores
            and worker.memory_bytes >= ask.memory_bytes
            and not (ask.own_worker and ask.owner in worker.owners)
        ]
        if not fitting:
            pending.append(ask.owner)
            continue
        best = max(fitting, key=lambda worker: worker.memory_bytes)
        best.cores -= ask.cores
        best.memory_bytes -= ask.memory_bytes
        best.owners.append(ask.owner)
    return room, pending
