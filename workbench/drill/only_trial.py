"""The only trial on a cluster for the time of a block, which finds nothing of one before.

A trial whose process was killed leaves its namespaces and nodes. They would get in the next one's way: pods of a burst
take room and tokens, a trial's nodes take pods of others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from workbench.drill.nodes import trial
from workbench.drill.scheduling import burst_pods, mixes
from workbench.drill.scheduling.namespaced import remove_namespace
from workbench.errors import BadInput
from workbench.target.kubernetes.api import Api, api_failures
from workbench.target.throwaway.cluster import Cluster
from workbench.target.throwaway.places import only_one

NAMESPACES: Final = (trial.NAMESPACE, burst_pods.NAMESPACE, burst_pods.PROBE_NAMESPACE, mixes.NAMESPACE)


@contextmanager
def only_trial(cluster: Cluster) -> Iterator[Api]:
    """Remove what is left of a trial that was killed, and give the cluster's API.

    Raises BadInput while another trial runs, ToolFailed when the API fails, here or in the block.
    """

    def refuse() -> None:
        raise BadInput(f"another trial runs on cluster {cluster.layout.cluster_id}: they would disturb each other")

    with only_one(cluster.layout.directory / "trial.lock", refuse), api_failures("a request to the cluster failed"):
        api = Api(cluster.kubeconfig)
        for name in NAMESPACES:
            remove_namespace(api, name)
        remove_nodes(api)
        yield api


def remove_nodes(api: Api) -> None:
    """Delete the nodes that trials of placements make."""
    for node in api.core.list_node(label_selector=mixes.LABEL).items:
        api.core.delete_node(node.metadata.name, grace_period_seconds=0)
