"""Rendered manifests to HubTopology: `render` is the kustomize we use, `read_topology` gives it types."""

from workbench.topology.hub import HubTopology
from workbench.topology.reading import read_topology
from workbench.topology.rendering import manifests_sha256, render

__all__ = ["HubTopology", "manifests_sha256", "read_topology", "render"]
