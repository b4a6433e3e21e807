"""Faults of a cluster's own: pods deleted, nodes cordoned, drained, without power.

Each is written down with its undo before it is done, hits exactly the uid that was chosen (the API server itself
refuses another), ends within a bound, and is proved by what the API says afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from kubernetes import client

from workbench.errors import BadInput, ToolFailed
from workbench.fault import ClusterFault
from workbench.safety.room import Need, quantity, without_room
from workbench.safety.undo import ClusterObject, Undo
from workbench.target.kubernetes.agent_pods import Agents
from workbench.target.kubernetes.api import Api, api_failures
from workbench.target.kubernetes.hold import Hold
from workbench.target.node_power import NodePower
from workbench.waiting import happens, sleep_until

GONE_TIMEOUT_S: Final = 120.0
POLL_S: Final = 0.1
RETRY_S: Final = 5.0  # after a 429: what kubectl drain waits (kubectl/pkg/drain/drain.go)
LEASES: Final = "kube-node-lease"
LEASE_S: Final = 13.0  # a lease is renewed every 10 s (nodeLeaseDurationSeconds 40, a quarter of it) and a jitter
FREEZE_MAX_S: Final = 120.0
MISSING, CONFLICT, TOO_MANY = 404, 409, 429
MIRROR: Final = "kubernetes.io/config.mirror"  # the API's picture of a static pod
FINISHED: Final = ("Succeeded", "Failed")


@dataclass(frozen=True)
class Proof:
    """What was done, and how it is known. Times: epoch seconds, this machine's clock."""

    fault: ClusterFault
    victims: tuple[ClusterObject, ...]
    injected_s: float
    effective_s: float
    evidence: str


class ClusterFaults:
    """Faults under one hold. Every method raises ToolFailed when the API fails or the proof does not come in time."""

    def __init__(self, api: Api, hold: Hold) -> None:
        self._api = api
        self._core = api.core
        self._hold = hold

    def delete_pods(self, victims: Sequence[ClusterObject], grace_s: int | None) -> Proof:
        """Delete pods with `grace_s` (None: each with its own); proved when the API has forgotten them all."""
        self._hold.add(ClusterFault.POD_DELETE, tuple(victims), Undo.AWAIT)
        injected_s = time.time()
        for victim in victims:
            body: dict[str, Any] = {"preconditions": {"uid": victim.uid}}
            if grace_s is not None:
                body["gracePeriodSeconds"] = grace_s
            with api_failures(f"{victim} could not be deleted"):
                self._core.delete_namespaced_pod(victim.name, victim.namespace, body=body)
        self._await_gone(victims)
        words = f"{', '.join(map(str, victims))} gone from the API"
        return Proof(ClusterFault.POD_DELETE, tuple(victims), injected_s, time.time(), words)

    def cordon(self, node: ClusterObject, fault: ClusterFault = ClusterFault.NODE_CORDON) -> Proof:
        """Keep new pods from a node; proved by the node's own field."""
        if self._core.read_node(node.name).spec.unschedulable:
            raise BadInput(f"{node.name} is cordoned already, by somebody else: its undo would not be this drill's")
        self._hold.add(fault, (node,), Undo.UNCORDON)
        injected_s = time.time()
        with api_failures(f"{node} could not be cordoned"):
            self._core.patch_node(node.name, {"metadata": {"uid": node.uid}, "spec": {"unschedulable": True}})
            seen = self._core.read_node(node.name)
        if not seen.spec.unschedulable:
            raise ToolFailed(f"{node} is not cordoned after all")
        return Proof(fault, (node,), injected_s, time.time(), f"{node.name}: spec.unschedulable is true")

    def drain(self, node: ClusterObject, bound_s: float) -> Proof:
        """Cordon a node and evict its pods as their disruption budgets allow; a refusal is tried again until the bound.

        Pods of DaemonSets, of the node itself and of the drill stay. Raises BadInput before anything happens where a
        pod has no owner to bring it back, or where the others have no room.
        """
        wanted = self.evictable(node.name)
        self._check_room(node.name, wanted)
        proof = self.cordon(node, ClusterFault.NODE_DRAIN)
        deadline_s = time.monotonic() + bound_s
        waiting = [_pod_object(pod) for pod in wanted]
        evicted: list[ClusterObject] = []
        refusal = ""
        while waiting:
            for victim in list(waiting):
                refusal = self._evict(victim) or refusal
                if self._is_evicted(victim):
                    waiting.remove(victim)
                    evicted.append(victim)
            if waiting and time.monotonic() > deadline_s:
                left = ", ".join(each.name for each in waiting)
                raise ToolFailed(f"{node.name} was not drained within {bound_s:.0f} s, {left} stayed: {refusal}")
            if waiting:
                time.sleep(min(RETRY_S, max(0.0, deadline_s - time.monotonic()) + POLL_S))
        self._await_gone(evicted)
        words = f"{proof.evidence}; {len(evicted)} pods evicted and gone"
        return Proof(ClusterFault.NODE_DRAIN, (node, *evicted), proof.injected_s, time.time(), words)

    def power_off(self, node: ClusterObject, power: NodePower) -> Proof:
        """Take a node's power; proved by who switches it."""
        self._hold.add(ClusterFault.NODE_POWER_OFF, (node,), Undo.POWER_ON)
        injected_s = power.power_off(node.name)
        if power.is_on(node.name):
            raise ToolFailed(f"{node} has power after all")
        words = f"{power.address} says that {node.name} is off"
        return Proof(ClusterFault.NODE_POWER_OFF, (node,), injected_s, time.time(), words)

    def stop_kubelet(self, node: ClusterObject, image: str, for_s: float) -> Proof:
        """Stop a node's kubelet for so long; proved by its lease, which it renews every 10 s and then does not.

        `image` is one with Python that the node has. The node itself lets the kubelet go on, whatever becomes of the
        driver.
        """
        if not LEASE_S < for_s <= FREEZE_MAX_S:
            raise BadInput(f"a kubelet is stopped for more than {LEASE_S:.0f} and at most {FREEZE_MAX_S:.0f} s")
        self._hold.add(ClusterFault.KUBELET_STOP, (node,), Undo.AWAIT)
        agents = Agents(self._api)
        agents.start([node.name], image)
        told = agents.freeze_kubelet(node.name, for_s)
        sleep_until(told["stops_s"] + 1.0)
        before = self._lease(node)
        sleep_until(told["stops_s"] + LEASE_S)
        if self._lease(node) != before:
            raise ToolFailed(f"the kubelet of {node} renews its lease after all")
        words = f"process {told['process_id']} of {node.name}: its lease was not renewed for {LEASE_S - 1.0:.0f} s"
        return Proof(ClusterFault.KUBELET_STOP, (node,), told["stops_s"], time.time(), words)

    def _lease(self, node: ClusterObject) -> str:
        with api_failures(f"the lease of {node} could not be read"):
            lease = client.CoordinationV1Api(self._api.fresh()).read_namespaced_lease(node.name, LEASES)
        return str(lease.spec.renew_time)

    def evictable(self, node: str) -> list[Any]:
        """Return the pods that a drain of a node moves. Raises BadInput where one has no owner."""
        if not node:
            raise BadInput("no name of the node")
        with api_failures(f"the pods of {node} could not be listed"):
            pods = self._core.list_pod_for_all_namespaces(field_selector=f"spec.nodeName={node}").items
        moved = [pod for pod in pods if pod.status.phase not in FINISHED and not _stays(pod)]
        if bare := [pod.metadata.name for pod in moved if not pod.metadata.owner_references]:
            raise BadInput(f"{', '.join(sorted(bare))} on {node} would not come back: nobody owns it")
        return moved

    def _check_room(self, node: str, moved: Sequence[Any]) -> None:
        with api_failures("the nodes' room could not be looked at"):
            nodes = self._core.list_node().items
            pods = self._core.list_pod_for_all_namespaces().items
            volumes = self._core.list_persistent_volume().items
        # Whose volume is on this node alone waits for it, whatever room there is elsewhere.
        bound = {
            (volume.spec.claim_ref.namespace, volume.spec.claim_ref.name)
            for volume in volumes
            if volume.spec.node_affinity and volume.spec.claim_ref
        }
        moving = [pod for pod in moved if not bound.intersection(_claims(pod))]
        free = [
            _room_of(each, [pod for pod in pods if pod.spec.node_name == each.metadata.name])
            for each in nodes
            if each.metadata.name != node and not each.spec.unschedulable and not _refuses(each)
        ]
        if homeless := without_room([_need(pod) for pod in moving], free):
            raise BadInput(f"not enough room on the other nodes for {', '.join(homeless)} of {node}; nothing was done")

    def _evict(self, victim: ClusterObject) -> str:
        """Ask for an eviction; return why it was refused for now, "" if it was not."""
        metadata = {"name": victim.name, "namespace": victim.namespace}
        body = {"metadata": metadata, "deleteOptions": {"preconditions": {"uid": victim.uid}}}
        with api_failures(f"{victim} could not be evicted"):
            try:
                self._core.create_namespaced_pod_eviction(victim.name, victim.namespace, body)
            except client.ApiException as error:
                if error.status == TOO_MANY:
                    return f"{victim.name}: its disruption budget does not allow it"
                if error.status not in (MISSING, CONFLICT):  # gone, or another pod has its name
                    raise
        return ""

    def _is_evicted(self, victim: ClusterObject) -> bool:
        """Tell whether the pod is gone or going."""
        found = self._read(victim)
        return found is None or found.metadata.uid != victim.uid or found.metadata.deletion_timestamp is not None

    def _await_gone(self, victims: Sequence[ClusterObject]) -> None:
        def gone() -> bool:
            seen = [self._read(each) for each in victims]
            return all(pod is None or pod.metadata.uid != each.uid for pod, each in zip(seen, victims, strict=True))

        if not happens(gone, GONE_TIMEOUT_S, POLL_S):
            raise ToolFailed(f"not gone after {GONE_TIMEOUT_S:.0f} s: one of {', '.join(map(str, victims))}")

    def _read(self, victim: ClusterObject) -> Any:
        with api_failures(f"{victim} could not be read"):
            try:
                return self._core.read_namespaced_pod(victim.name, victim.namespace)
            except client.ApiException as error:
                if error.status == MISSING:
                    return None
                raise


def find_node(api: Api, name: str) -> ClusterObject:
    """Return a node, pinned. Raises BadInput for an empty name, an unknown one and one that is not Ready."""
    if not name.strip():
        raise BadInput("no name of the node: an empty one would mean all of them")
    with api_failures("the nodes could not be listed"):
        nodes = {each.metadata.name: each for each in api.core.list_node().items}
    if name not in nodes:
        raise BadInput(f"no node {name!r}: the cluster has {', '.join(sorted(nodes))}")
    if not any(each.type == "Ready" and each.status == "True" for each in nodes[name].status.conditions or ()):
        raise BadInput(f"{name} is not Ready: it is broken already")
    return ClusterObject("Node", name, nodes[name].metadata.uid)


def find_pods(api: Api, namespace: str, selector: str, at_most: int) -> tuple[ClusterObject, ...]:
    """Return the pods that a label selector chooses, pinned.

    Raises BadInput for an empty namespace or selector, for none found, for more than `at_most`, and for a pod that
    nobody would bring back.
    """
    if not namespace.strip() or not selector.strip():
        raise BadInput("neither namespace nor selector may be empty: that would mean every pod")
    with api_failures(f"the pods of {namespace} could not be listed"):
        pods = api.core.list_namespaced_pod(namespace, label_selector=selector).items
    living = [pod for pod in pods if pod.metadata.deletion_timestamp is None and pod.status.phase not in FINISHED]
    if not living:
        raise BadInput(f"{selector!r} chooses no pod in {namespace}")
    if len(living) > at_most:
        names = ", ".join(sorted(pod.metadata.name for pod in living))
        raise BadInput(f"{selector!r} chooses {len(living)} pods in {namespace}, at most {at_most} are meant: {names}")
    if bare := [pod.metadata.name for pod in living if not pod.metadata.owner_references]:
        raise BadInput(f"{', '.join(sorted(bare))} would not come back: nobody owns it")
    return tuple(_pod_object(pod) for pod in living)


def _pod_object(pod: Any) -> ClusterObject:
    metadata = pod.metadata
    return ClusterObject("Pod", metadata.name, metadata.uid, metadata.namespace, pod.spec.node_name or "")


def _stays(pod: Any) -> bool:
    """Tell whether a drain leaves a pod where it is: of a DaemonSet, of the node itself, on its way out."""
    owners = {owner.kind for owner in pod.metadata.owner_references or ()}
    is_mirror = MIRROR in (pod.metadata.annotations or {})
    return is_mirror or bool(owners & {"DaemonSet", "Node"}) or pod.metadata.deletion_timestamp is not None


def _claims(pod: Any) -> set[tuple[str, str]]:
    """Return namespace and name of each claim of a pod."""
    volumes = [each.persistent_volume_claim for each in pod.spec.volumes or ()]
    return {(pod.metadata.namespace, each.claim_name) for each in volumes if each}


def _refuses(node: Any) -> bool:
    """Tell whether a node takes no pods that do not ask for it."""
    return any(taint.effect in ("NoSchedule", "NoExecute") for taint in node.spec.taints or ())


def _room_of(node: Any, pods: Sequence[Any]) -> Need:
    has, used = node.status.allocatable, [_need(pod) for pod in pods if pod.status.phase not in FINISHED]
    return Need(
        node.metadata.name,
        quantity(has["cpu"]) - sum(each.cpu_cores for each in used),
        quantity(has["memory"]) - sum(each.memory_bytes for each in used),
        int(quantity(has["pods"])) - len(used),
    )


def _need(pod: Any) -> Need:
    requests = [each.resources.requests or {} for each in pod.spec.containers if each.resources]
    total = {name: sum(quantity(each.get(name, "0")) for each in requests) for name in ("cpu", "memory")}
    return Need(pod.metadata.name, total["cpu"], total["memory"])
