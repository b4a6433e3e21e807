"""kube-scheduler's choices for pods of many kinds, and the model's from the same state: equal, or told where not.

The run folder (reports/out/placements/<run-id>) holds each mix's nodes and pods as YAML, and comparison.json.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from workbench.drill.only_trial import only_trial, remove_nodes
from workbench.drill.run_record import new_run_folder
from workbench.drill.scheduling import mixes
from workbench.drill.scheduling.mixes import MIXES, NAMESPACE, Mix
from workbench.drill.scheduling.namespaced import create_pods, namespaced
from workbench.drill.scheduling.replaying import Replayed, replay
from workbench.drill.scheduling.second_scheduler import NAME, second_scheduler
from workbench.drill.scheduling.verbose_log import attempts_of
from workbench.errors import BadInput, ToolFailed
from workbench.model.scheduling import read_nodes, read_workloads
from workbench.records.folder import RunFolder, dump_json, write_durably
from workbench.target.kubernetes.api import Api
from workbench.target.throwaway.cluster import Cluster
from workbench.waiting import happens

Progress = Callable[[str], None]
DECIDED_TIMEOUT_S: Final = 300.0
NODES_TIMEOUT_S: Final = 60.0
POLL_S: Final = 1.0


@dataclass(frozen=True)
class PlacementTrial:
    """What all mixes gave."""

    folder: RunFolder
    mixes: tuple[Replayed, ...]

    @property
    def alike(self) -> bool:
        """Tell whether the model never differed."""
        return all(each.alike for each in self.mixes)


def try_placements(cluster: Cluster, pods: int, seed: int, out: Path, progress: Progress) -> PlacementTrial:
    """Let kube-scheduler place `pods` pods of each mix, then let the model decide each again.

    Raises BadInput for a cluster without KWOK, ToolFailed when the API fails or kube-scheduler does not
    come to a decision on each pod.
    """
    if not cluster.record.fake_nodes:
        raise BadInput("placements are tried on KWOK's nodes: workbench cluster up --kwok-nodes 1 brings it")
    folder = new_run_folder(out, "placements")
    results = []
    with only_trial(cluster) as api:
        for mix in MIXES:
            progress(f"{mix.name}: {pods} pods on {mixes.NODES} nodes")
            results.append(_try_mix(cluster, api, mix, pods, seed, folder.root))
    about = {
        "kubernetes": cluster.record.kubernetes,
        "seed": seed,
        "pods_a_mix": pods,
        "nodes": mixes.NODES,
        "mixes": [{**asdict(each), "alike": each.alike} for each in results],
    }
    write_durably(folder.comparison_json, dump_json(about))
    return PlacementTrial(folder, tuple(results))


def _try_mix(cluster: Cluster, api: Api, mix: Mix, count: int, seed: int, folder: Path) -> Replayed:
    nodes, pods = mixes.nodes_of(mix, seed), mixes.pods_of(mix, count, seed, NAME)
    made = _written(folder / f"{mix.name}-nodes.yaml", nodes), _written(folder / f"{mix.name}-pods.yaml", pods, NAME)
    try:
        _make_nodes(api, nodes)
        with namespaced(api, NAMESPACE), second_scheduler(cluster, folder) as log:
            create_pods(api, NAMESPACE, pods)
            placed = _all_decided(api, count)
    finally:
        remove_nodes(api)
    with log.open(encoding="utf-8", errors="replace") as lines:
        attempts = attempts_of(lines)
    log.unlink()  # some hundred megabytes
    models = {pod.key: pod for pod in read_workloads(made[1]).pods}
    return replay(mix.name, read_nodes(made[0]), models, attempts, placed)


def _written(path: Path, objects: Sequence[dict[str, Any]], scheduler: str = "") -> Path:
    """Write objects as the model reads them: it knows one scheduler, so that no pod names another."""
    kept = []
    for each in objects:
        if scheduler:
            spec = {key: value for key, value in each["spec"].items() if key != "schedulerName"}
            each = {**each, "metadata": {**each["metadata"], "namespace": NAMESPACE}, "spec": spec}
        kept.append(each)
    path.write_text(yaml.dump_all(kept, Dumper=yaml.CSafeDumper))
    return path


def _make_nodes(api: Api, nodes: Sequence[dict[str, Any]]) -> None:
    """Make nodes, and return when their only taints are their own: new ones are tainted as not ready for a moment."""
    wanted = {node["metadata"]["name"]: len(node["spec"]["taints"]) for node in nodes}
    for node in nodes:
        api.core.create_node(node)

    def ready() -> bool:
        found = api.core.list_node(label_selector=mixes.LABEL).items
        return {node.metadata.name: len(node.spec.taints or []) for node in found} == wanted

    if not happens(ready, NODES_TIMEOUT_S, POLL_S):
        raise ToolFailed(f"the {len(nodes)} nodes of the trial are not ready after {NODES_TIMEOUT_S:.0f} s")


def _all_decided(api: Api, count: int) -> dict[str, str]:
    """Return the node of every pod that got one, once every other has been refused."""
    placed: dict[str, str] = {}

    def decided() -> bool:
        refused = 0
        for pod in api.core.list_namespaced_pod(NAMESPACE).items:
            if pod.spec.node_name:
                placed[f"{NAMESPACE}/{pod.metadata.name}"] = pod.spec.node_name
            else:
                refused += any(
                    one.type == "PodScheduled" and one.status == "False" for one in pod.status.conditions or []
                )
        return len(placed) + refused == count

    if not happens(decided, DECIDED_TIMEOUT_S, POLL_S):
        raise ToolFailed(f"kube-scheduler has not decided on {count} pods within {DECIDED_TIMEOUT_S:.0f} s")
    return placed
