"""The death of the active KRaft controller: when another is active, and when all of them answer again.

The other controllers fetch the metadata's log from the active one. When its sockets are reset they go on asking, and
one that has fetched nothing for quorum.fetch.timeout.ms (2 s) stands for election; it waits a random time up to
quorum.election.timeout.ms (1 s) more where votes were split (Kafka 3.7.1 KafkaRaftClient). The winner makes itself the
active controller when its log is read (QuorumController.claim). Brokers ask all controllers who is active, and their
sessions begin anew with it.

Producers and processors need no controller: nothing but a change of the metadata waits meanwhile.

Left out: two controllers.
"""

from __future__ import annotations

from collections.abc import Mapping

from workbench.metrics.catalogue import POLL_S
from workbench.metrics.tables import after_fault
from workbench.model.outcome import Course, kafka_goes_on, polled_s
from workbench.model.restarted import beside_the_load_s, first_restart_s
from workbench.model.world import Setting


def play(setting: Setting, draws: Mapping[str, float]) -> Course:
    """Return one replication's course."""
    phase_s = draws["poll_stores_phase_s"]
    moments = after_fault(
        controller_active_s=polled_s(active_s(draws), POLL_S, phase_s),
        controller_started_s=first_restart_s(draws),
        controllers_whole_s=polled_s(answers_s(draws), POLL_S, phase_s),
    )
    return Course(moments, kafka_goes_on(setting), 0.0, (moments.controller_active_s, moments.controllers_whole_s))


def active_s(draws: Mapping[str, float]) -> float:
    """Return when another controller is active (s after the active one's death)."""
    elected_s = draws["quorum_fetch_timeout_s"] - draws["quorum_fetch_age_s"] + draws["quorum_election_s"]
    return max(0.0, elected_s) + draws["controller_claim_s"]


def answers_s(draws: Mapping[str, float], crowded: float = 1.0) -> float:
    """Return when the dead controller answers again; `crowded`: by how much other starts beside it slow its own."""
    start_s = beside_the_load_s(draws, draws["controller_start_s"], draws["controller_start_parallel"])
    return first_restart_s(draws) + start_s * crowded
