"""All that the reference hub runs, on nodes of its workers' size: the real kube-scheduler's answer beside the model's.

The nodes are KWOK's, which only the API knows; requests, affinities, taints, priorities and volumes are real.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import fitting
from tests.support.manifest_capacity import quantity, worker_size
from tests.support.throwaway import BUILD_S, a_cluster, say
from tests.support.waiting import wait_for
from workbench.model.scheduling import Node, read_workloads
from workbench.model.scheduling.placing import place_all
from workbench.target.kubernetes.api import Api
from workbench.target.throwaway.addons import ready_nodes
from workbench.target.throwaway.cluster import Cluster
from workbench.target.throwaway.kubectl import Kubectl
from workbench.topology import render

pytestmark = pytest.mark.integration
MANIFESTS = Path(__file__).parents[2] / "manifests"
ONPREM = MANIFESTS / "overlays" / "onprem"
AGENT = MANIFESTS / "platform" / "rke2" / "agent.yaml"
SETTLED_S = 10.0
REFUSED = "--field-selector=reason=FailedCreate"
MIB = 2**20


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster of one real worker with KWOK."""
    with a_cluster(workers=1, fake_nodes=1) as made:
        yield made


@dataclass(frozen=True)
class Answer:
    """Who is pending (owner -> pods, and why), and what is left of each node (cores, MiB)."""

    placed: int
    pending: Mapping[str, int]
    why: Mapping[str, str]
    left: Mapping[str, tuple[float, float]]


@pytest.mark.timeout(BUILD_S)
@pytest.mark.parametrize("workers", [3, 2])
def test_kube_scheduler_and_the_model_agree_on_what_fits(
    cluster: Cluster, kubectl: Kubectl, workers: int, tmp_path: Path
) -> None:
    """On three workers all but what watches has room; on two those are pending that the docs name.

    Of the monitoring's pods, the lowest priority, whoever comes last may find no node with memory enough, though all of
    them together would have it: that depends on the order they come in. The table says who it was.
    """
    size = worker_size(render(ONPREM), AGENT)
    names = [f"fit-{number}" for number in range(1, workers + 1)]
    objects = fitting.hub(ONPREM)
    try:
        kubectl.apply(yaml.safe_dump_all([*fitting.nodes(names, *size), *fitting.volumes(names)]))
        wait_for(lambda: set(names) <= ready_nodes(kubectl), 60.0, "KWOK's nodes are Ready")
        kubectl.apply(yaml.safe_dump_all(objects))
        real = _real(kubectl, objects, names, size)
    finally:
        _remove(cluster, kubectl, objects)
    watching = {
        _called(each["metadata"]["name"])
        for each in objects
        if each["kind"] in fitting.WORKLOADS and _priority(each) == "hub-monitoring"
    }
    model = _model(objects, names, size, tmp_path)
    _tell(f"{workers} workers", real, model)
    wanted = _documented() if workers == 2 else {}
    for answer in (real, model):
        assert {name: n for name, n in answer.pending.items() if name not in watching} == wanted
        assert all("Insufficient memory" in answer.why[name] for name in set(answer.pending) & watching)


def _real(kubectl: Kubectl, objects: Sequence[Mapping[str, Any]], names: Sequence[str], size: Any) -> Answer:
    """Return what kube-scheduler decided once every wanted pod is there and nothing has changed for a while."""
    wanted = sum(_count(each, len(names)) for each in objects if each["kind"] in fitting.WORKLOADS)
    seen: list[Any] = [None, 0.0]

    def settled() -> bool:
        pods = _pods(kubectl)
        state = sorted((pod["metadata"]["name"], pod["spec"].get("nodeName", "")) for pod in pods)
        if state != seen[0]:
            seen[:] = [state, time.monotonic()]
        decided = all(pod["spec"].get("nodeName") or _refusal(pod) for pod in pods)
        return len(pods) == wanted and decided and time.monotonic() - seen[1] >= SETTLED_S

    try:
        wait_for(settled, 120.0, f"kube-scheduler has decided on {wanted} pods")
    except AssertionError:
        refused = {each["message"] for each in kubectl.items("events", "--all-namespaces", REFUSED)}
        say(f"{len(_pods(kubectl))} pods; not made: {'; '.join(sorted(refused))}")
        raise
    pods = _pods(kubectl)
    pending = [pod for pod in pods if not pod["spec"].get("nodeName")]
    used = {name: [0.0, 0.0] for name in names}
    for pod in pods:
        for container in pod["spec"]["containers"] if pod["spec"].get("nodeName") else ():
            requests = container.get("resources", {}).get("requests", {})
            used[pod["spec"]["nodeName"]][0] += quantity(requests.get("cpu", "0"))
            used[pod["spec"]["nodeName"]][1] += quantity(requests.get("memory", "0"))
    left = {name: (size[0] - cores, (size[1] - memory) / MIB) for name, (cores, memory) in used.items()}
    why = {_owner(pod): _refusal(pod) for pod in pending}
    return Answer(len(pods) - len(pending), Counter(map(_owner, pending)), why, left)


def _model(objects: Sequence[Mapping[str, Any]], names: Sequence[str], size: Any, folder: Path) -> Answer:
    """Return the scheduler model's answer: the pods by priority, what runs on every node taken off its room first."""
    everywhere = [each for each in objects if each["kind"] == "DaemonSet"]
    cores, memory = _requests(everywhere)
    file = folder / "hub.yaml"
    file.write_text(yaml.safe_dump_all([e for e in objects if e["kind"] not in ("ResourceQuota", "LimitRange")]))
    pods = sorted(read_workloads(file).pods, key=lambda pod: -pod.priority)
    labels = {fitting.LABEL: "true"}
    nodes = [
        Node(
            name,
            round((size[0] - cores) * 1000),
            int(size[1] - memory),
            110 - len(everywhere),
            {**labels, "kubernetes.io/hostname": name},
        )
        for name in names
    ]
    decisions = place_all(nodes, pods)
    used = {name: [0.0, 0.0] for name in names}
    for each in decisions:
        if each.node is not None:
            used[each.node][0] += each.pod.requests.cpu_m / 1000
            used[each.node][1] += each.pod.requests.memory_bytes
    pending = [each for each in decisions if each.node is None]
    left = {
        node.name: (node.cpu_m / 1000 - used[node.name][0], (node.memory_bytes - used[node.name][1]) / MIB)
        for node in nodes
    }
    placed = len(decisions) - len(pending) + len(everywhere) * len(names)
    why = [(_called(each.pod.name.rpartition("-")[0]), each.reason) for each in pending]
    return Answer(placed, Counter(name for name, _ in why), dict(why), left)


def _tell(title: str, real: Answer, model: Answer) -> None:
    say(f"\n{title}\n                  kube-scheduler                          model")
    say(f"placed            {real.placed:<39} {model.placed}")
    for name, (cores, memory) in real.left.items():
        ours = model.left[name]
        say(
            f"left of {name:<9} {cores:.2f} cores, {memory:.0f} MiB".ljust(58)
            + f"{ours[0]:.2f} cores, {ours[1]:.0f} MiB"
        )
    for owner in sorted({*real.pending, *model.pending}):
        say(f"pending {owner} {real.pending.get(owner, 0)} {model.pending.get(owner, 0)}")
        say(f"  kube-scheduler: {real.why.get(owner, '')}\n  model: {model.why.get(owner, '')}")


def _documented() -> dict[str, int]:
    """Return how many pods docs/manifests.md says are pending, by workload; Prometheus is a matter of order."""
    text = (MANIFESTS.parent / "docs" / "manifests.md").read_text(encoding="utf-8")
    section = text.split("## With two workers", 1)[1].split("\n## ", 1)[0]
    named = {line.split("`")[1]: int(line.split("|")[2]) for line in section.splitlines() if line.startswith("| `")}
    called = {
        "Kafka central-hub/hub kafka": "hub-kafka",
        "Kafka central-hub/hub zookeeper": "hub-zookeeper",
        "Kubegres central-hub/postgres": "postgres",
    }
    return {called[name]: count for name, count in named.items() if name in called}


def _called(workload: str) -> str:
    """Return a workload's name, Postgres's instances all by one."""
    return "postgres" if re.fullmatch(r"postgres-\d+", workload) else workload


def _priority(each: Mapping[str, Any]) -> str:
    return str(each["spec"]["template"]["spec"].get("priorityClassName", ""))


def _pods(kubectl: Kubectl) -> list[dict[str, Any]]:
    pods = kubectl.items("pods", "--all-namespaces")
    return [
        pod
        for pod in pods
        if pod["metadata"]["namespace"].startswith(fitting.PREFIX) and "deletionTimestamp" not in pod["metadata"]
    ]


def _refusal(pod: Mapping[str, Any]) -> str:
    """Return kube-scheduler's words about a pod that fits nowhere, "" before it was tried."""
    conditions = pod["status"].get("conditions", [])
    return next((each["message"] for each in conditions if each.get("reason") == "Unschedulable"), "")


def _owner(pod: Mapping[str, Any]) -> str:
    """Return the workload's name: of a Deployment's pod without the two hashes, of others without the last part."""
    owner = pod["metadata"]["ownerReferences"][0]
    name = str(owner["name"])
    return name.rpartition("-")[0] if owner["kind"] == "ReplicaSet" else _called(name)


def _count(workload: Mapping[str, Any], workers: int) -> int:
    return workers if workload["kind"] == "DaemonSet" else int(workload["spec"].get("replicas", 1))


def _requests(workloads: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    requests = [
        container["resources"]["requests"]
        for each in workloads
        for container in each["spec"]["template"]["spec"]["containers"]
    ]
    return sum(quantity(each["cpu"]) for each in requests), sum(quantity(each["memory"]) for each in requests)


def _namespaces(kubectl: Kubectl) -> set[str]:
    return {each["metadata"]["name"] for each in kubectl.items("namespaces")}


def _remove(cluster: Cluster, kubectl: Kubectl, objects: Sequence[Mapping[str, Any]]) -> None:
    """Remove all of it: what is left would take the next trial's room."""
    api = Api(cluster.kubeconfig)
    names = {each["metadata"]["name"] for each in objects if each["kind"] == "Namespace"}
    for name in sorted(names & _namespaces(kubectl)):
        api.core.delete_namespace(name)
    wait_for(lambda: not names & _namespaces(kubectl), 200.0, "the trial's namespaces are gone")
    for volume in api.core.list_persistent_volume(label_selector=fitting.LABEL).items:
        api.core.delete_persistent_volume(volume.metadata.name)
    for node in api.core.list_node(label_selector=fitting.LABEL).items:
        api.core.delete_node(node.metadata.name, grace_period_seconds=0)
