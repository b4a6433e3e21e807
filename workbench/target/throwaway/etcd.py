"""etcd's snapshots on the control plane's node: one taken while it runs, and its disk made from one while it is off.

By etcdctl of Debian's etcd 3.4, as on a machine: `snapshot save` over TLS with the API server's own identity,
`snapshot restore` into an empty folder, which then is the data folder of the only member.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from workbench.errors import BadInput
from workbench.target.throwaway import namespaces
from workbench.target.throwaway.cluster import Cluster
from workbench.target.throwaway.control_plane_pods import ETCD_PORT, LOOPBACK

DATA: Final = Path("lib/etcd")  # below a node's disk, which has /var/lib as lib


def save_snapshot(cluster: Cluster, path: Path) -> None:
    """Write a snapshot of the running etcd to a file. Raises ToolFailed when etcdctl fails."""
    node = cluster.layout.control_plane
    settings = node.settings
    argv = [
        "env",
        "ETCDCTL_API=3",
        "etcdctl",
        f"--endpoints=https://{LOOPBACK}:{ETCD_PORT}",
        f"--cacert={settings / 'etcd-ca.crt'}",
        f"--cert={settings / 'apiserver-etcd-client.crt'}",
        f"--key={settings / 'apiserver-etcd-client.key'}",
        "snapshot",
        "save",
        str(path),
    ]
    namespaces.run_in(cluster.record.nodes[node.name], argv)


def restore_snapshot(cluster: Cluster, path: Path) -> None:
    """Make etcd's disk from a snapshot; what it held is gone. Raises BadInput while the node has power."""
    node = cluster.layout.control_plane
    if cluster.has_power(node):
        raise BadInput(f"{node.name} is on: its etcd writes to its disk")
    data, fresh = node.disk / DATA, node.disk / f"{DATA}.restored"
    shutil.rmtree(fresh, ignore_errors=True)
    member = f"http://{LOOPBACK}:2380"  # as control_plane_pods.py starts it
    names = ["--name=default", f"--initial-cluster=default={member}", f"--initial-advertise-peer-urls={member}"]
    namespaces.run(["env", "ETCDCTL_API=3", "etcdctl", "snapshot", "restore", str(path), f"--data-dir={fresh}", *names])
    shutil.rmtree(data)
    fresh.rename(data)
