"""Chaos Toolkit probe: does an event get through every partition of the hub on a throwaway cluster, by its Services?"""

from __future__ import annotations

import os
from pathlib import Path

from workbench.errors import ToolFailed
from workbench.target.throwaway.building import built_programs
from workbench.target.throwaway.cluster import find
from workbench.target.throwaway.hub.objects import hub_objects
from workbench.target.throwaway.hub.probing import run_probe
from workbench.target.throwaway.kubectl import Kubectl

__all__ = ["events_get_through"]


def events_get_through(manifests: str, cluster: str = "") -> bool:
    """Write one event to every partition (acks=all), read each in Postgres and in Redis; tell whether all are there.

    The way in is KUBECONFIG where it is set, as `workbench cluster run` does, else that of the throwaway cluster.
    """
    kubeconfig = os.environ.get("KUBECONFIG") or find(cluster).kubeconfig
    try:
        seen = run_probe(Kubectl(built_programs(lambda _: None), Path(kubeconfig)), hub_objects(Path(manifests)))
    except ToolFailed:
        return False
    return seen.acknowledged == seen.committed == seen.states == seen.partitions
