"""What-ifs side by side: of Kubernetes' control loops, of who keeps Kafka's metadata, of Postgres' standbys.

Left out, since no model of ours knows it: what a replicated volume costs every write, a controller's own loss in KRaft
mode, commits that hang where no synchronous standby is left.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from workbench.metrics.tables import FloatArray
from workbench.model import control_plane
from workbench.model.control_plane import kubegres
from workbench.model.parameter import triangular
from workbench.plan.basis import Basis, measured
from workbench.plan.batch_rewriting import with_batch_time
from workbench.plan.draws import Draws, draws_of
from workbench.plan.outages import Hub, played
from workbench.plan.question import Question
from workbench.plan.rates import simulate
from workbench.streams import stream
from workbench.topology.hub import ControllerQuorum, HubTopology, ZooKeeperEnsemble
from workbench.topology.kafka import (
    INIT_LIMIT_TICKS_DEFAULT,
    SESSION_TIMEOUT_MS_DEFAULT,
    SYNC_LIMIT_TICKS_DEFAULT,
    TICK_TIME_MS_DEFAULT,
)
from workbench.topology.kraft import BROKER_HEARTBEAT_INTERVAL_S, BROKER_SESSION_TIMEOUT_S, NO_ENSEMBLE
from workbench.topology.pods import LOCAL_CLASSES, TOLERATION_S_DEFAULT, PodTraits, read_pod_traits

RELEASE: Final = "1.29"
SHORT_S: Final = 30.0
BY_HAND_S: Final = 600.0  # when somebody calls the node out of service, where somebody does
REPLICATIONS: Final = 200
REPLICATIONS_PLAYED: Final = 12  # of a drill's fault
PLAYED: Final = 6  # draws through the engine
QUORUM: Final = 3
# From a commit's flush on the primary to a standby's: one round trip and one flush; 0.1 to 4 ms while 9,000 rows/s are
# streamed on one machine (measured), a network between machines on top: a prior.
FLUSH_OF_STANDBY_S: Final = (0.0003, 0.0015, 0.006)
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


def what_ifs(basis: Basis, question: Question, seed: int) -> list[WhatIf]:
    """Return each choice with what the loss of a node, of a broker or of the primary then means."""
    return [*_of_nodes(basis, seed), *_of_metadata(basis, question, seed), *_of_standbys(basis, question, seed)]


def _of_nodes(basis: Basis, seed: int) -> list[WhatIf]:
    hub, traits = basis.topology, read_pod_traits(basis.manifests)
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


def _of_metadata(basis: Basis, question: Question, seed: int) -> list[WhatIf]:
    """Return how long a dead broker silences its partitions with ZooKeeper and in KRaft mode, all else as it is."""
    hub = basis.topology
    servers = hub.zookeeper.resources if hub.kafka.quorum is None else hub.kafka.quorum.resources
    first = max(hub.kafka.broker_ids) + 1
    quorum = ControllerQuorum(
        tuple(range(first, first + QUORUM)), BROKER_SESSION_TIMEOUT_S, BROKER_HEARTBEAT_INTERVAL_S, servers
    )
    session_s, tick_s = SESSION_TIMEOUT_MS_DEFAULT / 1000.0, TICK_TIME_MS_DEFAULT / 1000.0
    keepers = ZooKeeperEnsemble(
        tuple(range(1, QUORUM + 1)), {}, tick_s, INIT_LIMIT_TICKS_DEFAULT, SYNC_LIMIT_TICKS_DEFAULT, servers
    )
    kraft, zookeeper = hub, hub
    if hub.kafka.quorum is None:
        kafka = replace(hub.kafka, quorum=quorum, zookeeper_session_timeout_s=0.0)
        kraft = replace(hub, kafka=kafka, zookeeper=NO_ENSEMBLE)
    else:
        kafka = replace(hub.kafka, quorum=None, zookeeper_session_timeout_s=session_s)
        zookeeper = replace(hub, kafka=kafka, zookeeper=keepers)
    asked = "How long does a killed broker silence a partition?"
    found = []
    for each, choice in (
        (zookeeper, f"ZooKeeper, session {zookeeper.kafka.zookeeper_session_timeout_s:g} s"),
        (kraft, f"KRaft, session {BROKER_SESSION_TIMEOUT_S:g} s (fixed by Strimzi)"),
    ):
        ack_s = played(_hub(basis, question, seed, each), "broker", REPLICATIONS_PLAYED)["kafka_unavailable_s"]
        found.append(_spread(asked, choice, "acknowledged again", ack_s))
    return found


def _of_standbys(basis: Basis, question: Question, seed: int) -> list[WhatIf]:
    """Return what a lost primary costs in rows, and what every event pays for not losing any."""
    hub = basis.topology
    rows = draws_of(basis, seed, PLAYED)
    waits_s = triangular(*FLUSH_OF_STANDBY_S).quantile(stream(seed, "plan", "standby").random(PLAYED))
    later = [with_batch_time(row, fixed_more_s=wait_s) for row, wait_s in zip(rows, waits_s.tolist(), strict=True)]
    lost = np.zeros(1)
    if kubegres.fails_over(hub.postgres):
        lost = played(_hub(basis, question, seed, hub), "postgres", REPLICATIONS_PLAYED)["rows_lost"]
    asked = "What does a row wait for (p99), and what does the primary's loss cost?"
    words = f"committed; {np.max(lost):.0f} rows lost in the worst of {len(lost)} replications, all processes killed"
    return [
        _spread(asked, "Kubegres's rules: asynchronous standbys", words, _p99_s(basis, question, rows, seed)),
        _spread(
            asked,
            "synchronous, any one standby (ANY 1)",
            "committed; no row lost, and no commit while both standbys are away",
            _p99_s(basis, question, later, seed),
        ),
    ]


def _p99_s(basis: Basis, question: Question, rows: Draws, seed: int) -> FloatArray:
    processors = basis.topology.processors.replicas
    rate = question.rate_per_s
    return np.array([simulate(basis, processors, row, rate, seed, index)[0] for index, row in enumerate(rows)])


def _hub(basis: Basis, question: Question, seed: int, topology: HubTopology) -> Hub:
    traits = read_pod_traits(basis.manifests)
    return Hub(topology, basis.manifests, traits, basis.at(question.rate_per_s), measured(basis), seed)


def _spread(question: str, choice: str, outcome: str, values: FloatArray) -> WhatIf:
    low, middle, high = (float(f"{np.quantile(values, share):.4g}") for share in (0.05, 0.5, 0.95))
    return WhatIf(question, choice, outcome, middle, low, high)


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
