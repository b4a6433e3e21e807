"""A pod's fate in words: what it becomes and why.

Left out: anything that the moments beside it say in numbers.
"""

from __future__ import annotations

from workbench.model.control_plane.lifecycle import FOREVER
from workbench.model.control_plane.owner import Owner
from workbench.model.control_plane.results import Loss
from workbench.model.control_plane.workloads import PRIMARY, Pod
from workbench.topology import HubTopology


def fate_of(
    pod: Pod, given_up: bool, terminating_share: float, runs_share: float, loss: Loss, topology: HubTopology
) -> tuple[str, str]:
    """Return what becomes of a pod and the rule behind it; the shares are of the replications."""
    returns = loss.back_s < FOREVER
    if given_up:
        return _given_up(pod, returns, topology)
    if terminating_share == 0.0:
        if returns:
            return "restarts in place", "the node is back before its toleration is over: nobody deletes it"
        return "stays on the lost node", "it tolerates an unreachable node without end"
    if pod.owner is Owner.REPLICA_SET:
        return "replaced elsewhere", "a Terminating pod no longer counts: its ReplicaSet makes another at once"
    if runs_share == 0.0:
        return "never, before the node is back", _name_and_volume(pod)
    if returns:
        return "runs again with the node", _name_and_volume(pod)
    return "replaced elsewhere", "the out-of-service taint let the control plane remove the old pod"


def _name_and_volume(pod: Pod) -> str:
    """Return why a pod of a fixed name waits for its node."""
    name = f"a {pod.owner} makes no second pod of a name while the first is Terminating"
    return f"{name}; forced, it is Pending: volume node affinity conflict" if pod.traits.local_volume else name


def _given_up(pod: Pod, returns: bool, topology: HubTopology) -> tuple[str, str]:
    """Return the fate of an instance that Kubegres replaces by one with a new name and an empty volume."""
    others, workers = topology.postgres.replicas - 1, len(topology.nodes) - 1
    why = (
        "Kubegres fails over and deletes it" if pod.name == PRIMARY else "Kubegres deletes a replica that is not ready"
    )
    if others >= workers and not returns:
        return (
            "never; its successor is Pending",
            f"{why}; the new instance wants a worker without one, and {others} of {workers} have one",
        )
    return "never; its successor is copied anew", f"{why}; the new instance starts with an empty volume"
