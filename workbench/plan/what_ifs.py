"""What-ifs side by side, as far as the model of Kubernetes' control loops knows them (model/control_plane).

Left out, since no model of ours knows it: what a commit takes with synchronous replication, what a replicated volume
costs every write, KRaft in place of ZooKeeper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from workbench.model import control_plane
from workbench.plan.basis import Basis
from workbench.topology.hub import HubTopology
from workbench.topology.pods import TOLERATION_S_DEFAULT, PodTraits, read_pod_traits

RELEASE: Final = "1.29"
SHORT_S: Final = 30.0
REPLICATIONS: Final = 200
REPLICATED: Final = "replicated"  # any class that is not of one node


@dataclass(frozen=True)
class WhatIf:
    """One choice: what is asked, as it stands and otherwise; s after a node's silence, None: never."""

    question: str
    choice: str
    outcome: str
    median_s: float | None
    low_s: float | None
    high_s: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        ends = None if self.low_s is None else [self.low_s, self.high_s]
        return {
            "question": self.question,
            "choice": self.choice,
            "outcome": self.outcome,
            "median_s": self.median_s,
            "interval_90_s": ends,
        }


def what_ifs(basis: Basis, seed: int) -> list[WhatIf]:
    """Return each choice with what the loss of a node then means; nodes by what stands on them."""
    hub, traits = basis.topology, read_pod_traits(basis.manifests)
    processors = _with(traits, "event-processor", toleration_s=SHORT_S)
    slow = _with(traits, "event-processor", toleration_s=TOLERATION_S_DEFAULT)
    tolerated = "How long is a lost node's event processor missed?"
    volumes = "Does Redis run again elsewhere?"
    follows = "When does Postgres take writes again, its primary's node lost?"
    moved = _with(traits, "redis", storage_class=REPLICATED, toleration_s=SHORT_S)
    stays = replace(hub, postgres=replace(hub.postgres, failover_disabled=True))
    goes = replace(hub, postgres=replace(hub.postgres, failover_disabled=False))
    writable = "writes again"
    return [
        _pod(tolerated, "tolerates 30 s", hub, processors, "event-processor-0", seed),
        _pod(tolerated, "tolerates 300 s (Kubernetes' default)", hub, slow, "event-processor-0", seed),
        _pod(volumes, "volume as stated", hub, traits, "redis-0", seed),
        _pod(volumes, "replicated volume, tolerates 30 s", hub, moved, "redis-0", seed),
        _moment(follows, "Kubegres fails over", goes, traits, writable, seed),
        _moment(follows, "fail-over disabled", stays, traits, writable, seed),
    ]


def _with(traits: Mapping[str, PodTraits], kind: str, **changes: Any) -> dict[str, PodTraits]:
    return {**traits, kind: replace(traits[kind], **changes)}


def _forecast(hub: HubTopology, traits: Mapping[str, PodTraits], server: str, seed: int) -> control_plane.Forecast:
    loss = control_plane.Loss(hub.placement[server])
    return control_plane.node_loss(hub, traits, loss, control_plane.release(RELEASE), REPLICATIONS, seed)


def _pod(question: str, choice: str, hub: HubTopology, traits: Mapping[str, PodTraits], pod: str, seed: int) -> WhatIf:
    fates = _forecast(hub, traits, pod, seed).fates
    found = next(fate for fate in fates if fate.pod.name == pod)
    return _what_if(question, choice, found.becomes, found.runs_again.to_dict())


def _moment(
    question: str, choice: str, hub: HubTopology, traits: Mapping[str, PodTraits], outcome: str, seed: int
) -> WhatIf:
    return _what_if(
        question, choice, outcome, _forecast(hub, traits, "postgres-1", seed).moment("postgres_writable_s").to_dict()
    )


def _what_if(question: str, choice: str, outcome: str, moment: Mapping[str, Any]) -> WhatIf:
    low, high = moment["interval_90"] or (None, None)
    never = "never, unless a person acts" if moment["median"] is None else outcome
    return WhatIf(question, choice, never, moment["median"], low, high)
