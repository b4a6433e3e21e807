"""A node's loss from its silence to whatever comes back: the control loops of this package, many replications.

Times count from the loss; where the control plane is lost as well, from its API server's return, since nothing happens
before. Left out: other changes in the cluster meanwhile, a second loss, room for the replacements (a model of
placement says that), what the pods' own software does with the loss (Kafka, ZooKeeper, Redis).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from workbench.errors import BadInput
from workbench.model.control_plane import checking, kubegres
from workbench.model.control_plane.alerting import delivery_delay_s
from workbench.model.control_plane.balancing import back_in_rotation_s, out_of_rotation_s
from workbench.model.control_plane.constants import Draws, Release, alert_rows, balancing_rows, rows
from workbench.model.control_plane.eviction import deleted_s, removed_s, running_elsewhere_s
from workbench.model.control_plane.lifecycle import FOREVER, Silence, play
from workbench.model.control_plane.lost_node import LostNode, controllers_of, lost_node
from workbench.model.control_plane.outage import controllers_act_s, etcd_commit_s, objects_lost
from workbench.model.control_plane.owner import Owner
from workbench.model.control_plane.results import Fate, Forecast, Loss, Moment
from workbench.model.control_plane.routing import routing
from workbench.model.control_plane.words import fate_of
from workbench.model.control_plane.workloads import PRIMARY, Pod, pods_on
from workbench.model.control_plane.zones import zone_state
from workbench.model.parameter import FloatArray
from workbench.topology import HubTopology
from workbench.topology.alerting import Alerting
from workbench.topology.load_balancer import LoadBalancer
from workbench.topology.pods import TOLERATION_S_DEFAULT, PodTraits

ALERT: Final = "NodeNotReady"  # the alert of a node's loss
CONTROL_PLANE: Final = "control-plane"  # the one node that carries it
BACK_S_MAX: Final = 3600.0
REPLICATIONS_MAX: Final = 100_000


def node_loss(
    topology: HubTopology,
    traits: Mapping[str, PodTraits],
    loss: Loss,
    of: Release,
    replications: int,
    seed: int,
    alerting: Alerting | None = None,
    balancer: LoadBalancer | None = None,
) -> Forecast:
    """Return the forecast of a loss; without `alerting` the alert travels by its programs' defaults.

    Without `balancer` nothing is said of connections from outside.

    Raises BadInput for a node there is not, or numbers outside their bounds.
    """
    _check(topology, loss, replications)
    outside = balancing_rows(balancer) if balancer else {}
    draws = Draws({**rows(of), **(alert_rows(alerting) if alerting else {}), **outside}, seed, replications)
    acts_s = controllers_act_s(draws) if loss.control_plane or loss.node == CONTROL_PLANE else None
    moments = [] if acts_s is None else _outage_moments(draws, acts_s)
    fates: list[Fate] = []
    nodes = (*topology.nodes, CONTROL_PLANE)
    if acts_s is not None and loss.node == CONTROL_PLANE:
        _check_fresh_grace(draws, topology.nodes, acts_s)
    else:
        node = lost_node(draws, loss, len(nodes), acts_s)
        fates = [_fate(draws, loss, node, pod, topology) for pod in pods_on(topology, traits, loss.node)]
        moments += node_moments(draws, loss, node, fates, [name for name in nodes if name != loss.node])
        if PRIMARY in {fate.pod.name for fate in fates}:
            moments += _postgres_moments(draws, loss, node, topology)
    if balancer and acts_s is None:
        moments += _outside_moments(draws, loss)
    zone = zone_state(len(nodes), 1, draws.number("unhealthy_zone_threshold"))
    counted_from = "the node's silence" if acts_s is None else "the API server's return"
    return Forecast(loss, of, seed, replications, zone, counted_from, tuple(moments), tuple(fates), draws.by_name)


def _check(topology: HubTopology, loss: Loss, replications: int) -> None:
    known = (*topology.nodes, CONTROL_PLANE)
    if loss.node not in known:
        raise BadInput(f"no node {loss.node!r} in the manifests: {', '.join(known)}")
    if not 1 <= replications <= REPLICATIONS_MAX:
        raise BadInput(f"{replications} replications: from 1 to {REPLICATIONS_MAX}")
    for name, at_s in (("the node back", loss.back_s), ("the out-of-service taint", loss.out_of_service_s)):
        if at_s != FOREVER and not 0.0 <= at_s <= BACK_S_MAX:
            raise BadInput(f"{name} after {at_s:g} s: from 0 to {BACK_S_MAX:g} s")
    if loss.node == CONTROL_PLANE and min(loss.back_s, loss.out_of_service_s) < FOREVER:
        raise BadInput("the control plane's own loss counts from its return: say neither when it is back nor tainted")


def _check_fresh_grace(draws: Draws, nodes: Sequence[str], acts_s: FloatArray) -> None:
    """Play the control plane's return with every kubelet alive: nobody may be called NotReady."""
    back_s = {name: draws.of("kubelet_retry_s", name) for name in nodes}
    for row, controller in enumerate(controllers_of(draws, acts_s)):
        silences = {name: Silence(-FOREVER, float(back_s[name][row])) for name in nodes}
        fates = play(controller, len(nodes) + 1, silences).values()
        checking.follows("silence", np.array([np.nan]), "NotReady", np.array([each.not_ready_s for each in fates]))


def _fate(draws: Draws, loss: Loss, node: LostNode, pod: Pod, topology: HubTopology) -> Fate:
    """Return what becomes of one pod of the lost node."""
    given_up = kubegres.gives_up(pod, topology.postgres)
    if given_up:
        terminating_s = kubegres.given_up_s(draws, node.seen_s)
        runs_s = np.full(draws.replications, np.nan)
    else:
        terminating_s = deleted_s(node, pod.traits.toleration_s, loss, pod.owner)
        runs_s = _runs_again_s(draws, loss, node, pod, terminating_s)
        checking.tolerated(node.tainted_s, terminating_s, pod.traits.toleration_s, loss.out_of_service_s)
    terminating = Moment("terminating_s", "Terminating", "s", terminating_s)
    runs_again = Moment("runs_again_s", "Running again", "s", runs_s)
    becomes, why = fate_of(pod, given_up, terminating.share, runs_again.share, loss, topology)
    return Fate(pod, terminating, runs_again, given_up, becomes, why)


def _runs_again_s(draws: Draws, loss: Loss, node: LostNode, pod: Pod, terminating_s: FloatArray) -> FloatArray:
    """Return when a pod of this name, or of this ReplicaSet, runs again; NaN: never."""
    name_free_s = removed_s(draws, node, terminating_s, loss)
    if pod.owner is Owner.REPLICA_SET:
        created_s = terminating_s
    elif pod.traits.local_volume:
        created_s = np.full(draws.replications, loss.back_s)
    else:
        created_s = np.fmin(name_free_s, loss.back_s)
    in_place_s = loss.back_s + draws.of("pod_start_s", pod.name)
    runs_s = np.where(terminating_s <= loss.back_s, running_elsewhere_s(draws, pod.name, created_s), in_place_s)
    runs_s = np.where(np.isfinite(runs_s), runs_s, np.nan)
    checking.one_at_a_time(pod.owner, runs_s, name_free_s, loss.back_s)
    return runs_s


def node_moments(
    draws: Draws, loss: Loss, node: LostNode, fates: Sequence[Fate], survivors: Sequence[str]
) -> list[Moment]:
    """Return the moments that are the node's or everybody's."""
    routes = routing(draws, node.not_ready_s, len(fates), survivors)
    checking.in_order(not_ready=node.not_ready_s, endpoints=routes.endpoints_gone_s, rules=routes.rules_gone_s)
    nothing = np.full(draws.replications, np.nan)
    evicted = [fate.terminating.values for fate in fates if not fate.given_up]
    replaced = [fate.runs_again.values for fate in fates if fate.pod.owner is Owner.REPLICA_SET]
    alert_s = node.not_ready_s + delivery_delay_s(draws)
    moments = [
        Moment("not_ready_s", "node NotReady", "s", node.not_ready_s),
        Moment("endpoints_gone_s", "its pods out of the EndpointSlices", "s", routes.endpoints_gone_s),
        Moment("rules_gone_s", "out of every node's rules", "s", routes.rules_gone_s),
        Moment("dns_gone_s", "out of the last DNS answer", "s", routes.dns_gone_s),
        Moment("tainted_s", "NoExecute taint", "s", node.tainted_s),
        Moment("alert_delivered_s", "alert of NotReady delivered", "s", alert_s),
        Moment("evicted_s", "first pod evicted (Terminating)", "s", np.fmin.reduce([nothing, *evicted])),
    ]
    if replaced:
        moments.append(Moment("replacement_running_s", "last replacement Running", "s", np.fmax.reduce(replaced)))
    if loss.back_s < FOREVER:
        moments.append(Moment("taint_gone_s", "back, the NoExecute taint removed", "s", node.untainted_s))
    return moments


def _outside_moments(draws: Draws, loss: Loss) -> list[Moment]:
    """Return what connections from outside see of a silent node: haproxy asks nobody, so no API server is needed."""
    waits_s = np.full(draws.replications, draws.number("connect_timeout_s"))
    moments = [
        Moment("balancer_out_s", "out of the load balancer's rotation", "s", out_of_rotation_s(draws, silent=True)),
        Moment("outside_wait_s", "until then, a connection from outside that meets it waits", "s", waits_s),
    ]
    if loss.back_s < FOREVER:
        again_s = loss.back_s + back_in_rotation_s(draws, silent=True)
        moments.append(Moment("balancer_back_s", "back, in the load balancer's rotation", "s", again_s))
    return moments


def _postgres_moments(draws: Draws, loss: Loss, node: LostNode, topology: HubTopology) -> list[Moment]:
    """Return when Postgres takes writes again, Kubegres's manager being elsewhere or on the lost node too."""
    evicted_s = deleted_s(node, TOLERATION_S_DEFAULT, loss, Owner.REPLICA_SET)
    elsewhere_s = running_elsewhere_s(draws, kubegres.MANAGER, evicted_s)
    in_place_s = loss.back_s + draws.of("pod_start_s", kubegres.MANAGER)
    manager_s = np.where(evicted_s <= loss.back_s, elsewhere_s, in_place_s)
    writable_s = kubegres.writable_s(draws, topology.postgres, node.seen_s, loss.back_s)
    lost_s = kubegres.writable_without_manager_s(draws, topology.postgres, manager_s, loss.back_s)
    return [
        Moment("postgres_writable_s", "Postgres takes writes, Kubegres's manager elsewhere", "s", writable_s),
        Moment("postgres_writable_manager_lost_s", "the same, its manager on this node", "s", lost_s),
    ]


def _outage_moments(draws: Draws, acts_s: FloatArray) -> list[Moment]:
    """Return what the control plane's own loss means."""
    age_s = draws.of("snapshot_age_s")
    return [
        Moment("controllers_act_s", "controllers act again", "s", acts_s),
        Moment("etcd_commit_s", "a write to etcd takes", "s", etcd_commit_s(draws)),
        Moment("snapshot_age_s", "its disk lost: the state goes back by", "s", age_s),
        Moment("writes_undone", "its disk lost: writes undone", "writes", objects_lost(draws, age_s)),
    ]
