"""What-ifs of a lost broker: who keeps the metadata, what its clients are, what becomes of what it led."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from workbench.model.client_library import library_rows
from workbench.model.preferred_leaders import leads_again_s, led_share
from workbench.model.unclean_election import records_lost, served_again_s
from workbench.plan.outages import REPLICATIONS, Hub, played, silent_broker
from workbench.plan.question import Question
from workbench.plan.what_if import WhatIf, never, spread
from workbench.streams import stream
from workbench.topology.hub import ControllerQuorum, ZooKeeperEnsemble
from workbench.topology.kafka import (
    INIT_LIMIT_TICKS_DEFAULT,
    SESSION_TIMEOUT_MS_DEFAULT,
    SYNC_LIMIT_TICKS_DEFAULT,
    TICK_TIME_MS_DEFAULT,
)
from workbench.topology.kraft import BROKER_HEARTBEAT_INTERVAL_S, BROKER_SESSION_TIMEOUT_S, NO_ENSEMBLE
from workbench.workload import ClientLibrary

QUORUM: Final = 3
TIMEOUTS: Final = {ClientLibrary.LIBRDKAFKA: "socket.timeout.ms", ClientLibrary.JAVA: "request.timeout.ms"}
SHORT_TIMEOUT_S: Final = 20.0  # just above the time in which ZooKeeper tells of a dead broker


def of_metadata(at_rate: Hub) -> list[WhatIf]:
    """Return how long a dead broker silences its partitions with ZooKeeper and in KRaft mode, all else as it is."""
    hub = at_rate.topology
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
        chosen = at_rate if each is hub else replace(at_rate, topology=each)
        ack_s = played(chosen, "broker", REPLICATIONS)["kafka_unavailable_s"]
        found.append(spread(asked, choice, "acknowledged again", ack_s))
    return found


def of_clients(hub: Hub) -> list[WhatIf]:
    """Return how long a broker's dead machine silences what it led, by what its clients wait for."""
    asked = "A broker's machine loses power: when is what it led acknowledged again?"
    found = []
    for library, setting in TIMEOUTS.items():
        of_library = hub
        if library is not hub.workload.library:
            of_library = replace(hub, workload=replace(hub.workload, library=library))
        default_s = library_rows(library)["client_request_timeout_s"].value
        for timeout_s in (default_s, SHORT_TIMEOUT_S):
            ack_s = silent_broker(of_library, REPLICATIONS, timeout_s)["kafka_unavailable_s"]
            words = f"{library.value}, {setting} {timeout_s:g} s{' (its default)' if timeout_s == default_s else ''}"
            found.append(spread(asked, words, "acknowledged again", ack_s))
    return found


def of_last_replica(hub: Hub, question: Question) -> list[WhatIf]:
    """Return what the loss of a partition's only in-sync replica means with and without unclean elections."""
    asked = "A partition's only in-sync replica is lost: when is it served again?"
    broker = played(hub, "broker", REPLICATIONS, ("broker_detect_s", "leader_election_s", "broker_down_s"))
    elected_s, returned_s = broker["broker_detect_s"] + broker["leader_election_s"], broker["broker_down_s"]
    rate_per_s = question.rate_per_s / sum(topic.partitions for topic in hub.topology.topics)
    found = []
    for unclean, choice in ((False, "unclean.leader.election.enable false (Kafka's default)"), (True, "true")):
        lost = records_lost(unclean, 1.0, rate_per_s)
        words = f"served; {lost:.1f} records lost a second that its new leader was behind, acks=1 or 0"
        words = words if unclean else "served; no record lost"
        found.append(spread(asked, choice, words, served_again_s(unclean, elected_s, returned_s)))
    return found


def of_preferred_leaders(hub: Hub) -> list[WhatIf]:
    """Return when a broker that is back leads again, and what the others lead until then."""
    asked = "A killed broker is back: when does it lead again?"
    whole_s = played(hub, "broker", REPLICATIONS, ("isr_full_s",))["isr_full_s"]
    phase = stream(hub.seed, "plan", "preferred leaders").random(len(whole_s))
    brokers = len(hub.topology.kafka.broker_ids)
    words = "leads" if brokers < 2 else f"leads; until then each other has {led_share(brokers):.0%} of all partitions"
    return [
        spread(asked, "auto.leader.rebalance.enable (Kafka's default)", words, leads_again_s(whole_s, phase)),
        never(asked, "false", "never, unless a person elects the preferred leaders"),
    ]
