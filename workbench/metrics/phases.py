"""The metrics that are a difference of two moments: how long each phase of a recovery took."""

from __future__ import annotations

import numpy as np

from workbench.metrics.functions import all_partitions_acked_s, all_partitions_committed_s
from workbench.metrics.tables import Evidence


def broker_detect_s(evidence: Evidence) -> float:
    """From the fault to the victim's id gone from ZooKeeper, in KRaft mode to its fencing, s."""
    return evidence.moments.broker_deregistered_s


def leader_election_s(evidence: Evidence) -> float:
    """From the victim's id gone to no partition led by it, s."""
    return float(np.maximum(0.0, evidence.moments.leaders_moved_s - evidence.moments.broker_deregistered_s))


def client_reconnect_s(evidence: Evidence) -> float:
    """From the leaders moved to the last silent partition's first acknowledgement, s."""
    return all_partitions_acked_s(evidence) - evidence.moments.leaders_moved_s


def broker_down_s(evidence: Evidence) -> float:
    """From the fault to the victim registered again, s; includes the restart rule's waits."""
    return evidence.moments.broker_registered_s


def broker_start_s(evidence: Evidence) -> float:
    """From the start of the process that registered to its registration, s."""
    return evidence.moments.broker_registered_s - evidence.moments.registering_process_started_s


def catch_up_s(evidence: Evidence) -> float:
    """From the victim registered to every in-sync-replica set full, s."""
    return evidence.moments.isr_full_s - evidence.moments.broker_registered_s


def broker_rejoin_s(evidence: Evidence) -> float:
    """From the start of the process that registered to every in-sync-replica set full, s."""
    return evidence.moments.isr_full_s - evidence.moments.registering_process_started_s


def group_rebalance_s(evidence: Evidence) -> float:
    """From the fault to every partition held by a live event processor, as their own metrics say, s."""
    return evidence.moments.group_whole_s


def processor_resume_s(evidence: Evidence) -> float:
    """From every partition held by a live event processor to the last one's first row, s; 0 if it came before."""
    return float(np.maximum(0.0, all_partitions_committed_s(evidence) - evidence.moments.group_whole_s))


def postgres_down_s(evidence: Evidence) -> float:
    """From the fault to a primary that takes writes, s; includes the restart rule's waits."""
    return evidence.moments.postgres_writes_s


def postgres_start_s(evidence: Evidence) -> float:
    """From the start of the primary's process to taking writes, its recovery included, s."""
    return evidence.moments.postgres_writes_s - evidence.moments.postgres_started_s


def postgres_promotion_s(evidence: Evidence) -> float:
    """From the question to a standby to become the primary, to a primary that takes writes, s."""
    return evidence.moments.postgres_writes_s - evidence.moments.postgres_promotion_asked_s


def processor_reconnect_s(evidence: Evidence) -> float:
    """From a primary that takes writes to the last partition's first row, s; 0 if it came before."""
    return float(np.maximum(0.0, all_partitions_committed_s(evidence) - evidence.moments.postgres_writes_s))


def standbys_connected_s(evidence: Evidence) -> float:
    """From the fault to every standby connected to the primary again, s."""
    return evidence.moments.standbys_connected_s


def redis_down_s(evidence: Evidence) -> float:
    """From the fault to Redis answering with its data loaded, s; includes the restart rule's waits."""
    return evidence.moments.redis_answers_s


def redis_start_s(evidence: Evidence) -> float:
    """From the start of Redis's process to its answering with its data loaded, s."""
    return evidence.moments.redis_answers_s - evidence.moments.redis_started_s


def redis_caught_up_s(evidence: Evidence) -> float:
    """From the fault to the event processors having applied every device's state that Redis had missed, s."""
    return evidence.moments.states_current_s


def zookeeper_leader_s(evidence: Evidence) -> float:
    """From the fault to a ZooKeeper server that leads, s; the next look's delay where a follower died."""
    return evidence.moments.zookeeper_leads_s


def broker_sessions_s(evidence: Evidence) -> float:
    """From the fault to every broker's ZooKeeper session connected to a server, s."""
    return evidence.moments.broker_sessions_s


def zookeeper_whole_s(evidence: Evidence) -> float:
    """From the fault to every ZooKeeper server serving, s; includes the restart rule's waits."""
    return evidence.moments.zookeeper_whole_s


def zookeeper_start_s(evidence: Evidence) -> float:
    """From the start of the ZooKeeper server's process to its serving, s."""
    return evidence.moments.zookeeper_whole_s - evidence.moments.zookeeper_started_s


def controller_active_s(evidence: Evidence) -> float:
    """From the fault to an active KRaft controller, s."""
    return evidence.moments.controller_active_s


def controllers_whole_s(evidence: Evidence) -> float:
    """From the fault to every KRaft controller answering, s; includes the restart rule's waits."""
    return evidence.moments.controllers_whole_s


def controller_start_s(evidence: Evidence) -> float:
    """From the start of the KRaft controller's process to every one of them answering, s."""
    return evidence.moments.controllers_whole_s - evidence.moments.controller_started_s


def below_min_isr_s(evidence: Evidence) -> float:
    """From the fault to every partition having min.insync.replicas in sync again, s."""
    return evidence.moments.in_sync_again_s


def isr_full_s(evidence: Evidence) -> float:
    """From the fault to every in-sync-replica set full again, s."""
    return evidence.moments.isr_full_s
