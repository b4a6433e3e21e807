"""Which nodes a cluster has, and every name and address in it.

All of it lies inside network namespaces that no host interface leads to, so two clusters may use the same addresses,
and nothing here ever meets the machine's own network.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

KUBERNETES: Final = "v1.29.15"  # the hub's release (manifests/platform), and build/kubernetes/go.mod
CONTROL_PLANE: Final = "control-plane"
BRIDGE: Final = "nodes"  # joins the nodes' links, in the cluster's own namespace
BRIDGE_MAC: Final = "0a:00:ac:1e:00:01"  # of its own: else it would be that of a node, and change with a power-off
GATEWAY_ADDRESS: Final = "172.30.0.1"
NODE_NETWORK_BITS: Final = 24
POD_NETWORK: Final = "10.244.0.0/16"
SERVICE_NETWORK: Final = "10.96.0.0/16"
API_SERVICE_ADDRESS: Final = "10.96.0.1"  # the first of the services' network, as kube-apiserver takes it
DNS_ADDRESS: Final = "10.96.0.10"
API_PORT: Final = 6443
WORKERS_MAX: Final = 9


@dataclass(frozen=True)
class Node:
    """One node of a cluster."""

    name: str
    number: int  # 0: the control plane
    disk: Path  # what it keeps over a power-off

    @property
    def address(self) -> str:
        """Return its address on the nodes' network."""
        return f"172.30.0.{10 + self.number}"

    @property
    def pod_network(self) -> str:
        """Return the network of its pods."""
        return f"10.244.{self.number}.0/24"

    @property
    def link(self) -> str:
        """Return the name of its cable's end at the bridge."""
        return f"to-{self.number}"

    @property
    def is_control_plane(self) -> bool:
        """Tell whether it runs etcd, the API server, the controllers and the scheduler."""
        return self.number == 0

    @property
    def settings(self) -> Path:
        """Return the folder of its configuration files and certificates."""
        return self.disk / "etc"

    @property
    def logs(self) -> Path:
        """Return the folder of its services' logs."""
        return self.disk / "log"


@dataclass(frozen=True)
class Layout:
    """A cluster's nodes, the control plane first."""

    cluster_id: str
    directory: Path
    workers: int

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Return every node."""
        names = (CONTROL_PLANE, *(f"worker-{number}" for number in range(1, self.workers + 1)))
        return tuple(Node(name, number, self.directory / "nodes" / name) for number, name in enumerate(names))

    @property
    def control_plane(self) -> Node:
        """Return the node with the API server."""
        return self.nodes[0]

    @property
    def kubeconfig(self) -> Path:
        """Return the administrator's way in, from this machine."""
        return self.directory / "admin.kubeconfig"

    @property
    def inside_kubeconfig(self) -> Path:
        """Return the administrator's way in, from a node."""
        return self.directory / "inside.kubeconfig"

    @property
    def certificates(self) -> Path:
        """Return the folder of the cluster's authorities and keys."""
        return self.directory / "certificates"
