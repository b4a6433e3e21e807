"""What-ifs of a lost node: tolerations, volumes, and Postgres' fail-over, by the control plane's model.

Left out, since no model of ours knows it: what a replicated volume costs every write.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from workbench.model import control_plane
from workbench.plan.outages import RELEASE, Hub
from workbench.plan.what_if import WhatIf
from workbench.topology.hub import HubTopology
from workbench.topology.pods import LOCAL_CLASSES, TOLERATION_S_DEFAULT, PodTraits

SHORT_S: Final = 30.0
BY_HAND_S: Final = 600.0  # when somebody calls the node out of service, where somebody does
REPLICATIONS: Final = 200
REPLICATED: Final = "replicated"  # any class that is not of one node


def of_nodes(at_rate: Hub) -> list[WhatIf]:
    """Return each choice with what the loss of a node then means."""
    hub, traits, seed = at_rate.topology, at_rate.traits, at_rate.seed
    processors = _with(traits, "event-processor", toleration_s=SHORT_S)
    slow = _with(traits, "event-processor", toleration_s=TOLERATION_S_DEFAULT)
    tolerated = "How long is a lost node's event processor missed?"
    volumes = "When does Redis run again, its node lost for good?"
    follows = "When does Postgres take writes again, its primary's node lost?"
    local = _with(traits, "redis", storage_class=LOCAL_CLASSES[0], toleration_s=SHORT_S)
    moved = _with(traits, "redis", storage_class=REPLICATED, toleration_s=SHORT_S)
    stays = replace(hub, postgres=replace(hub.postgres, failover_disabled=True))
    goes = replace(hub, postgres=replace(hub.postgres, failover_disabled=False))
    by_hand = f"taint out-of-service after {BY_HAND_S:g} s"
    return [
        _pod(tolerated, "tolerates 30 s", hub, processors, "event-processor-0", seed),
        _pod(tolerated, "tolerates 300 s (Kubernetes' default)", hub, slow, "event-processor-0", seed),
        _pod(volumes, "local volume", hub, local, "redis-0", seed),
        _pod(volumes, f"local volume, {by_hand}", hub, local, "redis-0", seed, BY_HAND_S),
        _pod(volumes, "replicated volume", hub, moved, "redis-0", seed),
        _pod(volumes, f"replicated volume, {by_hand}", hub, moved, "redis-0", seed, BY_HAND_S),
        _moment(follows, "Kubegres fails over", goes, traits, seed),
        _moment(follows, "fail-over disabled", stays, traits, seed),
    ]


def _with(traits: Mapping[str, PodTraits], kind: str, **changes: Any) -> dict[str, PodTraits]:
    return {**traits, kind: replace(traits[kind], **changes)}


def _forecast(
    hub: HubTopology, traits: Mapping[str, PodTraits], server: str, seed: int, out_of_service_s: float = math.inf
) -> control_plane.Forecast:
    loss = control_plane.Loss(hub.placement[server], out_of_service_s=out_of_service_s)
    return control_plane.node_loss(hub, traits, loss, control_plane.release(RELEASE), REPLICATIONS, seed)


def _pod(
    question: str,
    choice: str,
    hub: HubTopology,
    traits: Mapping[str, PodTraits],
    pod: str,
    seed: int,
    out_of_service_s: float = math.inf,
) -> WhatIf:
    fates = _forecast(hub, traits, pod, seed, out_of_service_s).fates
    found = next(fate for fate in fates if fate.pod.name == pod)
    return _what_if(question, choice, found.becomes, found.runs_again.to_dict())


def _moment(question: str, choice: str, hub: HubTopology, traits: Mapping[str, PodTraits], seed: int) -> WhatIf:
    moment = _forecast(hub, traits, "postgres-1", seed).moment("postgres_writable_s").to_dict()
    return _what_if(question, choice, "writes again", moment)


def _what_if(question: str, choice: str, outcome: str, moment: Mapping[str, Any]) -> WhatIf:
    low, high = moment["interval_90"] or (None, None)
    never = "never, unless a person acts" if moment["median"] is None else outcome
    return WhatIf(question, choice, never, moment["median"], low, high)
