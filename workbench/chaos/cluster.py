"""Chaos Toolkit actions: break a cluster's own objects for a while, and give everything back.

Each run holds the cluster as a drill does: a snapshot, a record on the cluster before anything is broken, and the
comparison afterwards. What a killed run leaves `workbench recover` undoes.
"""

from __future__ import annotations

import datetime
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from chaoslib.exceptions import InterruptExecution

from workbench.errors import BadInput, WorkbenchError
from workbench.fault import ClusterFault, risks_named
from workbench.records.folder import new_run_id
from workbench.target.kubernetes.api import Api
from workbench.target.kubernetes.cluster_faults import ClusterFaults, Proof, find_node, find_pods
from workbench.target.kubernetes.hold import Hold, a_record
from workbench.target.kubernetes.looking import check_loss, image_with_python, pods_of_hub
from workbench.target.kubernetes.record import ClusterRecord
from workbench.target.kubernetes.rights import check_rights, fault_rights
from workbench.target.powers import find_power
from workbench.topology import read_topology

__all__ = ["break_cluster", "give_cluster_back"]

PODS_MAX: Final = 1  # a selector that chooses more is a mistake
_HELD: Final[dict[str, Hold]] = {}  # of this process: run id -> its hold


def break_cluster(
    fault: str,
    node: str = "",
    selector: str = "",
    grace_s: int = -1,
    bound_s: float = 120.0,
    breaks: str = "",
    manifests: str = "",
    kubeconfig: str = "",
    context: str = "",
    power: str = "",
    out: str = "reports/out/cluster-faults",
) -> dict[str, Any]:
    """Do one fault of a cluster (PodDelete, NodeCordon, NodeDrain, KubeletStop, NodePowerOff) and return its proof.

    PodDelete hits the one pod that `selector` chooses in the hub's namespace, with `grace_s` (below 0: the pod's own);
    the others hit `node`; a drain must be done within `bound_s`, a kubelet goes on after it. What the manifests' hub
    would lose beyond that is refused unless `breaks` names it. Raises InterruptExecution for what is refused and where
    the fault could not be done or proved.
    """
    run_id = new_run_id(datetime.datetime.now(datetime.UTC))
    try:
        wanted = ClusterFault(fault)
        topology = read_topology(Path(manifests))
        api = Api(Path(kubeconfig or os.environ.get("KUBECONFIG", "")), context)
        check_rights(api, fault_rights(wanted, topology.namespace))
        if wanted is ClusterFault.POD_DELETE:
            victims = find_pods(api, topology.namespace, selector, PODS_MAX)
        else:
            victims = (find_node(api, node),)
        check_loss(topology, wanted, victims, risks_named(breaks), api)
        folder = Path(out) / run_id
        folder.mkdir(parents=True)
        address = power or os.environ.get("HUB_WORKBENCH_NODE_POWER", "")
        if wanted is ClusterFault.NODE_POWER_OFF:
            find_power(address)  # before anything is held
        hold = Hold(api, a_record(run_id, address, topology.namespace), folder)
        hold.take()
        _HELD[run_id] = hold
        faults = ClusterFaults(api, hold)
        if wanted is ClusterFault.KUBELET_STOP:
            proof = faults.stop_kubelet(victims[0], image_with_python(pods_of_hub(api, topology), topology), bound_s)
        else:
            proof = _do(faults, wanted, victims, grace_s, bound_s, address)
    except (WorkbenchError, ValueError) as error:
        raise InterruptExecution(f"{fault} of {node or selector} failed: {error}") from error
    return {**asdict(proof), "run_id": run_id}


def _do(faults: ClusterFaults, wanted: ClusterFault, victims: Any, grace_s: int, bound_s: float, power: str) -> Proof:
    match wanted:
        case ClusterFault.POD_DELETE:
            return faults.delete_pods(victims, None if grace_s < 0 else grace_s)
        case ClusterFault.NODE_CORDON:
            return faults.cordon(victims[0])
        case ClusterFault.NODE_DRAIN:
            return faults.drain(victims[0], bound_s)
        case _:
            return faults.power_off(victims[0], find_power(power))


def give_cluster_back(kubeconfig: str = "", context: str = "") -> dict[str, Any]:
    """Undo what this run broke, and compare the cluster with its snapshot; safe also when nothing was broken.

    Raises InterruptExecution when something differs: the record stays on the cluster for `workbench recover`.
    """
    try:
        for run_id in list(_HELD):
            _HELD.pop(run_id).finish()
        if holder := ClusterRecord(Api(Path(kubeconfig or os.environ.get("KUBECONFIG", "")), context)).holder():
            raise BadInput(f"drill {holder} is on the cluster's record, and is not this run's: workbench recover")
    except WorkbenchError as error:
        raise InterruptExecution(f"the undo could not be verified: {error}") from error
    return {"verified": True}
