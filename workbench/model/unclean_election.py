"""A partition whose only in-sync replica is gone: wait for it, or be led by one that is behind.

Kafka leaves such a partition without a leader until its broker is back (unclean.leader.election.enable false, the
default since 0.11). With true the controller elects any living replica as soon as the broker's session has lapsed
(Kafka 3.7.1 PartitionLeaderElectionAlgorithms.offlinePartitionLeaderElection); what that replica lacks is gone, and the
old leader truncates it when it is back. With acks=all and min.insync.replicas 2 nothing is acknowledged any more by the
time one in-sync replica is left, so only what came before can be lost.

Left out: a replica that catches up meanwhile, transactions.
"""

from __future__ import annotations

from workbench.model.parameter import FloatArray


def served_again_s(unclean: bool, elected_s: FloatArray, returned_s: FloatArray) -> FloatArray:
    """Return when such a partition is served again (s after its loss): by whom is left, or by who was lost."""
    return elected_s if unclean else returned_s


def records_lost(unclean: bool, behind_s: float, acknowledged_per_s: float) -> float:
    """Return how many acknowledged records are gone where the one that leads was `behind_s` behind."""
    return behind_s * acknowledged_per_s if unclean else 0.0
