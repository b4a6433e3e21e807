"""A Service's pod deleted at once, and when each node's rules forget it: forecast, sealed, done, watched, compared."""

from __future__ import annotations

import functools
import time
from dataclasses import asdict
from pathlib import Path
from typing import Final

from workbench.drill.forecasted import compared, seal, write_comparison
from workbench.drill.nodes import trial
from workbench.drill.nodes.conducting import NodeDrill, Progress, addresses_in_rules, trial_pods, trial_pods_seen
from workbench.drill.nodes.facts import Facts, endpoint_moments
from workbench.drill.nodes.watching import RULES_PERIOD_S, watched
from workbench.drill.only_trial import only_trial
from workbench.drill.run_record import new_run_folder, utc_text
from workbench.errors import Inconclusive
from workbench.model.control_plane import release
from workbench.model.control_plane.endpoint import endpoint_forecast
from workbench.records.folder import dump_json, write_durably
from workbench.streams import stream
from workbench.target.throwaway.building import built_programs
from workbench.target.throwaway.cluster import Cluster
from workbench.target.throwaway.kubectl import Kubectl
from workbench.waiting import sleep_until

REPLICATIONS: Final = 1000
STEADY_S: Final = 5.0  # beyond kube-proxy's bound between two writes
SPREAD_S: Final = 2.0
PATIENCE_S: Final = 30.0
POLL_S: Final = 0.1
TOLERATION_S: Final = 30


def drill_endpoint(cluster: Cluster, seed: int, out: Path, progress: Progress) -> NodeDrill:
    """Delete one of the trial's pods from the API without grace; return when each node's rules were seen without it.

    Raises BadInput while a node has no power, Inconclusive when a node's rules never forget it.
    """
    begun_s = time.time()
    folder = new_run_folder(out, "endpoint-loss")
    kubectl = Kubectl(built_programs(progress), cluster.kubeconfig)
    nodes = [node.name for node in cluster.layout.nodes]
    facts = Facts()
    with only_trial(cluster) as api, trial_pods(api, kubectl, cluster, TOLERATION_S, progress):
        moments, parameters = endpoint_forecast(nodes, release("1.29"), REPLICATIONS, seed)
        sha256 = seal(folder, seed, moments, parameters)
        sealed_s = time.time()
        pod = trial_pods_seen(kubectl)[0]
        lost = {pod["name"]: pod["address"]}
        reading = {
            node.name: functools.partial(addresses_in_rules, cluster, node, lost) for node in cluster.layout.nodes
        }
        with watched(api, trial.NAMESPACE, reading, facts) as check:
            sleep_until(time.time() + STEADY_S + SPREAD_S * float(stream(seed, "endpoint-drill", "moment").random()))
            api.core.delete_namespaced_pod(pod["name"], trial.NAMESPACE, grace_period_seconds=0)
            deleted_s = time.time()
            while time.time() < deleted_s + PATIENCE_S:
                check()
                observed = endpoint_moments(facts, pod["name"], nodes, deleted_s)
                if None not in observed.values():
                    break
                time.sleep(POLL_S)
    rows = compared(moments, observed, RULES_PERIOD_S)
    write_durably(folder.observed / "facts.json", dump_json(asdict(facts)))
    about = {"pod": pod, "nodes": nodes, "seed": seed, "deleted": utc_text(deleted_s)}
    write_comparison(folder, rows, sha256, begun_s, sealed_s, {"kubernetes": cluster.record.kubernetes, **about})
    if missing := [row.title for row in rows if row.observed is None]:
        raise Inconclusive(f"never seen: {', '.join(missing)}; what was seen is in {folder.root}")
    return NodeDrill(folder, pod["node"], sha256, rows, None)
