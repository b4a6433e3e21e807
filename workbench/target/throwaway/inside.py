"""A command of this machine, run where the control plane's node is: its network, and the cluster's names.

Pods and Services have addresses and names that only nodes know. Such a command sees this machine's files and processes,
as ever; nothing has to be undone when it ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from workbench.errors import BadInput
from workbench.target.throwaway.cluster import Cluster
from workbench.target.throwaway.layout import DNS_ADDRESS
from workbench.target.throwaway.power import ThrowawayPower

NICENESS: Final = "-10"  # it is on no node of the cluster, so it does not wait for their pods' work
RESOLVER: Final = Path("/etc/resolv.conf")
# Binds the cluster's resolver in a mount namespace of its own, then becomes the command.
ENTER: Final = f'mount --bind "$1" {RESOLVER} && shift && exec nsenter "$@"'


def command_inside(cluster: Cluster, argv: Sequence[str]) -> tuple[list[str], Mapping[str, str]]:
    """Return the words that run a command inside, and what they add to its environment.

    Raises BadInput where the control plane's node is off.
    """
    node = cluster.layout.control_plane
    if not cluster.has_power(node):
        raise BadInput(f"{node.name} is off: workbench cluster power-on {node.name}")
    resolver = cluster.layout.directory / "resolv.conf"
    domain = "svc.cluster.local"
    resolver.write_text(f"nameserver {DNS_ADDRESS}\nsearch {domain} cluster.local\noptions ndots:5\n")
    network = f"--net={cluster.record.nodes[node.name].namespace('net')}"
    words = ["nice", "-n", NICENESS, "unshare", "--mount", "sh", "-c", ENTER, "sh", str(resolver), network, *argv]
    return words, {
        "KUBECONFIG": str(cluster.layout.inside_kubeconfig),
        "HUB_WORKBENCH_NODE_POWER": ThrowawayPower(cluster.layout.cluster_id).address,
    }
