"""One power-off of a node of a throwaway cluster under trial pods, from the forecast to the comparison.

The run folder (reports/out/node-loss/<run-id>) holds prediction.json with its seal, written before anything is broken,
parameters.json, observed/facts.json with every change seen, and comparison.json.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from workbench.drill.forecasted import Compared, compared, seal, sentence, write_comparison
from workbench.drill.nodes import trial
from workbench.drill.nodes.facts import Facts, Lost, observed_moments
from workbench.drill.nodes.watching import watched
from workbench.drill.only_trial import only_trial
from workbench.drill.run_record import new_run_folder, utc_text
from workbench.drill.scheduling.namespaced import remove_namespace
from workbench.errors import BadInput, Inconclusive, ToolFailed, UndoUnverified
from workbench.model.control_plane import Forecast, release
from workbench.model.control_plane.trial import trial_forecast
from workbench.records.folder import RunFolder, dump_json, write_durably
from workbench.safety.undo import ClusterObject, Undo
from workbench.streams import stream
from workbench.target.kubernetes.api import Api
from workbench.target.kubernetes.hold import Hold, a_record, held
from workbench.target.throwaway import namespaces
from workbench.target.throwaway.addons import ready_nodes
from workbench.target.throwaway.building import built_programs
from workbench.target.throwaway.cluster import Cluster
from workbench.target.throwaway.kubectl import Kubectl
from workbench.target.throwaway.layout import Node
from workbench.target.throwaway.power import ThrowawayPower
from workbench.waiting import happens, sleep_until

Progress = Callable[[str], None]
REPLICATIONS: Final = 1000
FAULT_SPREAD_S: Final = 10.4  # the fault's moment is drawn over the longest lease interval
STEADY_S: Final = 12.0  # a lease interval and a controller's period, so that nothing is under way before the fault
READY_TIMEOUT_S: Final = 120.0
PATIENCE_S: Final = 60.0  # watched for so long beyond the slowest replication
POLL_S: Final = 0.25
TOLD: Final = ("not_ready_s", "replacement_running_s")  # of what is sealed


@dataclass(frozen=True)
class NodeDrill:
    """What one power-off gave."""

    folder: RunFolder
    node: str
    sha256: str
    compared: tuple[Compared, ...]
    returned_s: float | None  # Ready again, counted from its power-on


def drill_node(cluster: Cluster, node: Node, seed: int, toleration_s: int, out: Path, progress: Progress) -> NodeDrill:
    """Predict, seal, power a worker off, watch, power it on again, compare.

    Raises BadInput for the control plane's node (control_plane.py has that drill) and while a node has no power,
    Inconclusive when a moment that is predicted never came, ToolFailed when the trial pods do not start,
    UndoUnverified when the node does not return.
    """
    if node.is_control_plane:
        raise BadInput(f"{node.name} is no worker: it runs the API server, by whose watches this drill sees")
    begun_s = time.time()
    folder = new_run_folder(out, "node-loss")
    kubectl = Kubectl(built_programs(progress), cluster.kubeconfig)
    nodes = [each.name for each in cluster.layout.nodes]
    with (
        only_trial(cluster) as api,
        _held(api, cluster, folder) as hold,
        trial_pods(api, kubectl, cluster, toleration_s, progress),
    ):
        pods = pods_on(kubectl, node.name)
        forecast = trial_forecast(node.name, nodes, sorted(pods), toleration_s, release("1.29"), REPLICATIONS, seed)
        sha256 = seal(folder, forecast.seed, forecast.moments, forecast.parameters)
        sealed_s = time.time()
        progress(f"sealed: {sentence(forecast.moment(name) for name in TOLD)}")
        uid = api.core.read_node(node.name).metadata.uid
        hold.add("NodePowerOff", (ClusterObject("Node", node.name, uid),), Undo.POWER_ON)
        try:
            facts, lost, off_s = _power_off(cluster, api, node, pods, forecast, seed, progress)
        finally:  # however that ended: stopped by a person, too
            returned_s = switch_on(cluster, node, kubectl, progress)
    survivors = [each.name for each in cluster.layout.nodes if each != node]
    observed = observed_moments(facts, lost, survivors)
    drill = NodeDrill(folder, node.name, sha256, compared(forecast.moments, observed), returned_s)
    write_durably(folder.observed / "facts.json", dump_json(asdict(facts)))
    about = {
        "node": node.name,
        "nodes": nodes,
        "kubernetes": cluster.record.kubernetes,
        "pods": sorted(pods),
        "toleration_s": toleration_s,
        "seed": seed,
        "cut": utc_text(lost.cut_s),
        "off_after_s": off_s - lost.cut_s,
        "returned_s": returned_s,
    }
    write_comparison(folder, drill.compared, sha256, begun_s, sealed_s, about)
    if missing := [row.title for row in drill.compared if row.observed is None]:
        raise Inconclusive(f"never seen: {', '.join(missing)}; what was seen is in {folder.root}")
    return drill


@contextmanager
def _held(api: Api, cluster: Cluster, folder: RunFolder) -> Iterator[Hold]:
    """Hold the cluster for the block's time, with the trial's namespace on its record before it is made."""
    folder.safety.mkdir()
    record = a_record(folder.root.name, ThrowawayPower(cluster.layout.cluster_id).address, trial.NAMESPACE)
    with held(api, record, folder.safety) as hold:
        hold.add("the trial's pods", (ClusterObject("Namespace", trial.NAMESPACE, ""),), Undo.REMOVE_NAMESPACE)
        yield hold


@contextmanager
def trial_pods(api: Api, kubectl: Kubectl, cluster: Cluster, toleration_s: int, progress: Progress) -> Any:
    """Run the trial's pods on every worker for the block's time; afterwards its namespace is gone."""
    for node in cluster.layout.nodes:
        if not cluster.has_power(node):
            raise BadInput(f"{node.name} has no power, the drill needs all: workbench cluster power-on {node.name}")
    names = {node.name for node in cluster.layout.nodes}
    wait_for("not every node is Ready", lambda: names <= ready_nodes(kubectl))
    progress("starting the trial's pods")
    kubectl.apply(yaml.safe_dump_all(trial.trial_objects(cluster.layout.workers, toleration_s)))
    try:
        wanted = cluster.layout.workers * trial.PODS_A_WORKER
        wait_for(
            "the trial's pods are not ready", lambda: sum(pod["ready"] for pod in trial_pods_seen(kubectl)) == wanted
        )
        yield
    finally:
        remove_namespace(api, trial.NAMESPACE)


def trial_pods_seen(kubectl: Kubectl) -> list[dict[str, Any]]:
    """Return the trial's pods: name, node, address and whether each is ready."""
    found = kubectl.items("pods", f"--namespace={trial.NAMESPACE}")
    return [
        {
            "name": pod["metadata"]["name"],
            "node": pod["spec"].get("nodeName", ""),
            "address": pod["status"].get("podIP", ""),
            "ready": any(
                one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", [])
            ),
        }
        for pod in found
    ]


def pods_on(kubectl: Kubectl, node: str) -> dict[str, str]:
    """Return name and address of the trial's pods on a node. Raises ToolFailed when there is none."""
    pods = {pod["name"]: pod["address"] for pod in trial_pods_seen(kubectl) if pod["node"] == node}
    if not pods:
        raise ToolFailed(f"no pod of the trial was placed on {node}")
    return pods


def _power_off(
    cluster: Cluster,
    api: Api,
    node: Node,
    pods: Mapping[str, str],
    forecast: Forecast,
    seed: int,
    progress: Progress,
) -> tuple[Facts, Lost, float]:
    """Cut the node's power at a drawn moment; return what was seen until every predicted moment had come."""
    facts = Facts()
    survivors = [each for each in cluster.layout.nodes if each != node]
    reading = {each.name: functools.partial(addresses_in_rules, cluster, each, pods) for each in survivors}
    patience_s = PATIENCE_S + max(float(np.max(moment.values)) for moment in forecast.moments)
    with watched(api, trial.NAMESPACE, reading, facts) as check:
        pause_s = STEADY_S + FAULT_SPREAD_S * float(stream(seed, "node-drill", "moment").random())
        sleep_until(time.time() + pause_s)
        progress(f"cutting the power of {node.name}")
        cut_s = cluster.power_off(node)
        off_s = time.time()
        lost = Lost(node.name, pods, cut_s)
        names = [each.name for each in survivors]
        told: set[str] = set()
        while time.time() < cut_s + patience_s:
            seen = observed_moments(facts, lost, names)
            for name, at_s in seen.items():
                if at_s is not None and name not in told:
                    told.add(name)
                    progress(f"{forecast.moment(name).title}: {at_s:.1f} s")
            if len(told) == len(forecast.moments):
                break
            check()
            time.sleep(POLL_S)
    return facts, lost, off_s


def addresses_in_rules(cluster: Cluster, node: Node, pods: Mapping[str, str]) -> str:
    """Return which of the pods' addresses a node's kube-proxy still sends traffic to."""
    rules = namespaces.run_in(cluster.record.nodes[node.name], ["iptables-save", "--table", "nat"])
    sent = [line for line in rules.splitlines() if "KUBE-SEP" in line and "DNAT" in line]
    return " ".join(address for address in pods.values() if any(f"{address}:" in line for line in sent))


def switch_on(cluster: Cluster, node: Node, kubectl: Kubectl, progress: Progress) -> float | None:
    """Switch a node on that is off; return how long it took to be Ready (s)."""
    if cluster.has_power(node):
        if cluster.has_cable(node):
            return None  # the power was not cut yet
        cluster.power_off(node)  # stopped between the two steps of it
    progress(f"switching {node.name} on again")
    started_s = cluster.power_on(node)
    if not happens(lambda: node.name in ready_nodes(kubectl), READY_TIMEOUT_S, POLL_S):
        raise UndoUnverified(f"{node.name} is on, but not Ready after {READY_TIMEOUT_S:.0f} s")
    return time.time() - started_s


def wait_for(trouble: str, condition: Callable[[], bool]) -> None:
    """Return once a condition holds. Raises ToolFailed, with what is the trouble, when it takes too long."""
    if not happens(condition, READY_TIMEOUT_S, POLL_S):
        raise ToolFailed(f"{trouble} after {READY_TIMEOUT_S:.0f} s")
