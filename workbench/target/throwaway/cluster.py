"""A throwaway cluster from outside: up, down, power-off, power-on.

A cluster is one process namespace with one network; each node is a process namespace inside of it with a network, a
mount table and a disk of its own. No program of ours keeps running for it: commands find it by its record.
"""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

from workbench.errors import BadInput, MachineTrouble, ToolFailed
from workbench.target.throwaway import addons, cgroups, identities, image_set, namespaces
from workbench.target.throwaway.building import built_programs
from workbench.target.throwaway.control_plane_pods import write_static_pods
from workbench.target.throwaway.kubectl import Kubectl
from workbench.target.throwaway.layout import (
    API_PORT,
    BRIDGE,
    BRIDGE_MAC,
    GATEWAY_ADDRESS,
    KUBERNETES,
    NODE_NETWORK_BITS,
    Layout,
    Node,
)
from workbench.target.throwaway.machine import check_machine
from workbench.target.throwaway.namespaces import Init
from workbench.target.throwaway.node_files import CONTAINERD_SOCKET, images_mark, write_node_files
from workbench.target.throwaway.node_init import NodePlan, Service
from workbench.target.throwaway.places import clusters_directory, only_one, throwaway_directory
from workbench.target.throwaway.record import Record, all_records, read_record

Progress = Callable[[str], None]
LOOPBACK: Final = "127.0.0.1"
LINK_TIMEOUT_S: Final = 20.0
CONTAINERD_TIMEOUT_S: Final = 60.0
POLL_S: Final = 0.05
BACKLOG: Final = 64
FAILED_START: Final = "failed-start"  # folder in the cache, for its logs


class Cluster:
    """One cluster of this machine."""

    def __init__(self, record: Record) -> None:
        self.record = record

    @property
    def layout(self) -> Layout:
        """Return its nodes and folders."""
        return self.record.layout

    @property
    def kubeconfig(self) -> Path:
        """Return the administrator's kubeconfig."""
        return self.layout.kubeconfig

    def node(self, name: str) -> Node:
        """Return a node by name. Raises BadInput for one that is not there."""
        for node in self.layout.nodes:
            if node.name == name:
                return node
        names = ", ".join(node.name for node in self.layout.nodes)
        raise BadInput(f"cluster {self.layout.cluster_id} has no node {name!r}: one of {names}")

    def has_power(self, node: Node) -> bool:
        """Tell whether a node's processes run."""
        init = self.record.nodes.get(node.name)
        return init is not None and init.lives

    def has_cable(self, node: Node) -> bool:
        """Tell whether a node's cable is plugged in and not cut."""
        return "UP" in self._cables().get(node.link, ())

    def power_off(self, node: Node) -> float:
        """Cut a node's cable, then end all of its processes; return the moment of the cut (epoch s).

        Its disk stays. What the machine holds in its page cache is not lost, as it would be in a real power cut.
        """
        if not self.has_power(node):
            raise BadInput(f"{node.name} is off already")
        cut_s = time.time()
        if node.link in self._cables():  # a start that was killed may not have plugged it in
            namespaces.run_in(self._init(), ["ip", "link", "set", node.link, "down"])
        namespaces.kill(self.record.nodes[node.name])
        self._unplug(node)
        self._without(node)
        cgroups.remove_groups(self.layout.cluster_id, node.name)
        return cut_s

    def power_on(self, node: Node) -> float:
        """Start a node from its disk; return the moment of the start (epoch s). It is Ready some seconds later."""
        if self.has_power(node):
            raise BadInput(f"{node.name} is on already")
        started_s = time.time()
        self._start(node)
        return started_s

    def kill_all(self) -> None:
        """End everything that runs in the cluster."""
        for init in (self.record.init, *self.record.nodes.values()):
            if init is not None:
                namespaces.kill(init)

    def _cables(self) -> dict[str, list[str]]:
        """Return the flags of each cable's end at the bridge, by its name."""
        told = json.loads(namespaces.run_in(self._init(), ["ip", "-json", "link", "show"]))
        return {link["ifname"]: link["flags"] for link in told}

    def _init(self) -> Init:
        if self.record.init is None or not self.record.init.lives:
            raise MachineTrouble(f"cluster {self.layout.cluster_id} is not up: workbench cluster down removes it")
        return self.record.init

    def _update(self, record: Record) -> None:
        self.record = record
        record.write()

    def _without(self, node: Node) -> None:
        nodes = {name: init for name, init in self.record.nodes.items() if name != node.name}
        self._update(replace(self.record, nodes=nodes))

    def _start(self, node: Node) -> None:
        """Start a node's process 1 and plug its cable in."""
        init = self._init()
        self._unplug(node)  # of one that died without power_off
        cgroups.make_groups(self.layout.cluster_id, node.name)
        started = namespaces.start_init(plan_file(node), node.logs / "node.log", within=init)
        self._update(replace(self.record, nodes={**self.record.nodes, node.name: started}))
        other_end = ["peer", "name", "eth0", "netns", str(started.process_id)]
        namespaces.run_in(init, ["ip", "link", "add", node.link, "type", "veth", *other_end])
        namespaces.run_in(init, ["ip", "link", "set", node.link, "master", BRIDGE, "up"])

    def _unplug(self, node: Node) -> None:
        """Take a node's cable away.

        The kernel would do so by itself, but only when the last connection of the dead node has timed out in there.
        """
        if f"{node.link}@" in namespaces.run_in(self._init(), ["ip", "-brief", "link"]):
            namespaces.run_in(self._init(), ["ip", "link", "delete", node.link])


def up(workers: int, progress: Progress, fake_nodes: int = 0) -> Cluster:
    """Make a cluster, wait until it is ready and return it. What a failed start made is removed again.

    Raises MachineTrouble where this machine cannot, ToolFailed when a component does not come up.
    """
    check_machine()
    with only_one(throwaway_directory() / "up.lock", lambda: progress("waiting for another cluster's start")):
        return _up(workers, progress, fake_nodes)


def _up(workers: int, progress: Progress, fake_nodes: int) -> Cluster:
    programs = built_programs(progress)
    archives = image_set.written_images(programs, progress)
    for record in all_records():
        if not record.is_up:
            progress(f"removing cluster {record.layout.cluster_id}, which is not whole")
            remove(record)
    begun_s = time.time()
    cluster_id = secrets.token_hex(3)
    directory = clusters_directory() / cluster_id
    directory.mkdir(parents=True)
    cluster = Cluster(Record(Layout(cluster_id, directory, workers), KUBERNETES, begun_s, fake_nodes=fake_nodes))
    cluster.record.write()
    try:
        _bring_up(cluster, programs, archives, progress)
    except BaseException:
        _keep_logs(cluster.layout)
        remove(read_record(directory))
        raise
    cluster._update(replace(cluster.record, ready_after_s=time.time() - begun_s))
    return cluster


def _keep_logs(layout: Layout) -> None:
    """Keep the logs of a start that failed, in place of those of the one before."""
    kept = throwaway_directory() / FAILED_START
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for log in layout.directory.glob("*.log"):
        shutil.copy(log, kept)
    for node in layout.nodes:
        shutil.copytree(node.logs, kept / node.name, dirs_exist_ok=True)
        shutil.copytree(node.disk / "varlog" / "pods", kept / node.name / "pods", symlinks=False, dirs_exist_ok=True)


def _bring_up(cluster: Cluster, programs: Mapping[str, Path], archives: image_set.Archives, progress: Progress) -> None:
    layout = cluster.layout
    with socket.create_server((LOOPBACK, 0), backlog=BACKLOG) as door:
        port = door.getsockname()[1]
        progress("writing certificates and settings")
        identities.write_identities(layout, port)
        for node in layout.nodes:
            plan_file(node).parent.mkdir(parents=True, exist_ok=True)
            plan_file(node).write_bytes(write_node_files(layout, node, programs).to_json())
        write_static_pods(layout)
        plan = layout.directory / "plan.json"
        plan.write_bytes(_network_plan(layout, door.fileno()).to_json())
        init = namespaces.start_init(plan, layout.directory / "cluster.log", keeps=[door.fileno()])
    cluster._update(replace(cluster.record, init=init, api_port=port))
    _wait_for_bridge(init)
    progress(f"starting {len(layout.nodes)} nodes")
    for node in layout.nodes:
        cluster._start(node)
    with ThreadPoolExecutor(len(layout.nodes)) as pool:
        list(pool.map(lambda node: _first_images(cluster, node, archives), layout.nodes))
    kubectl = Kubectl(programs, layout.kubeconfig)
    addons.wait_for_api(kubectl, progress)
    addons.wait_for_nodes(kubectl, layout, progress)
    addons.install(kubectl, cluster.record.fake_nodes, progress)


def _network_plan(layout: Layout, door: int) -> NodePlan:
    """Return the plan of the cluster's own process 1: a bridge for the nodes, and the way in from this machine.

    The way in is one listening socket on the loopback address, opened outside and served inside.
    """
    commands = [
        ["ip", "link", "set", "lo", "up"],
        ["ip", "link", "add", BRIDGE, "address", BRIDGE_MAC, "type", "bridge"],
        ["ip", "address", "add", f"{GATEWAY_ADDRESS}/{NODE_NETWORK_BITS}", "dev", BRIDGE],
        ["ip", "link", "set", BRIDGE, "up"],
    ]
    module = [sys.executable, "-m", "workbench.target.throwaway.door"]
    relay = [*module, str(door), layout.control_plane.address, str(API_PORT)]
    service = Service("api-door", relay, str(layout.directory / "api-door.log"), keeps=[door])
    return NodePlan("", commands, {"net/ipv4/ip_forward": "1"}, [service])


def _wait_for_bridge(init: Init) -> None:
    deadline_s = time.monotonic() + LINK_TIMEOUT_S
    while BRIDGE not in namespaces.run_in(init, ["ip", "-brief", "link", "show", "up"]):
        if time.monotonic() > deadline_s:
            raise ToolFailed(f"the nodes' bridge is not there after {LINK_TIMEOUT_S:.0f} s")
        time.sleep(POLL_S)


def _first_images(cluster: Cluster, node: Node, archives: image_set.Archives) -> None:
    """Hand a node's containerd its images; kubelet starts once it has them."""
    init = cluster.record.nodes[node.name]
    socket_path = Path(f"/proc/{init.process_id}/root{CONTAINERD_SOCKET}")
    deadline_s = time.monotonic() + CONTAINERD_TIMEOUT_S
    while not socket_path.exists():
        if not init.lives or time.monotonic() > deadline_s:
            raise ToolFailed(f"containerd of {node.name} did not start: see {node.logs}")
        time.sleep(POLL_S)
    import_images(cluster, node, archives.of(node))
    images_mark(node).touch()


def import_images(cluster: Cluster, node: Node, archives: Sequence[Path]) -> None:
    """Hand a running node's containerd those images that it has not been handed; its disk remembers."""
    init = cluster.record.nodes[node.name]
    handed = node.disk / "images-handed"
    handed.mkdir(exist_ok=True)
    for archive in archives:
        if not (handed / archive.name).exists():
            argv = ["ctr", "--namespace=k8s.io", "images", "import", str(archive)]
            namespaces.run_in(init, argv, kinds=("mnt", "net"))
            (handed / archive.name).touch()


def plan_file(node: Node) -> Path:
    """Return the file with the plan of a node's process 1."""
    return node.disk / "plan.json"


def remove(record: Record) -> None:
    """End and remove a cluster, whole or not. Raises ToolFailed when something of it stays."""
    Cluster(record).kill_all()
    cgroups.remove_groups(record.layout.cluster_id)
    shutil.rmtree(record.layout.directory, ignore_errors=True)
    if record.layout.directory.exists():
        raise ToolFailed(f"{record.layout.directory} could not be removed")


def find(cluster_id: str = "") -> Cluster:
    """Return the cluster with that id, or the only one that is up. Raises BadInput when there is no such one."""
    records = [record for record in all_records() if record.is_up]
    chosen = [record for record in records if record.layout.cluster_id == cluster_id or not cluster_id]
    if len(chosen) == 1:
        return Cluster(chosen[0])
    names = ", ".join(record.layout.cluster_id for record in records)
    if not names:
        raise BadInput("no cluster is up: workbench cluster up starts one")
    raise BadInput(f"there is no cluster {cluster_id!r}: {names}" if cluster_id else f"name one of: {names}")
