"""When a broker that is back leads again: Kafka gives each partition to its first replica, when it looks.

With auto.leader.rebalance.enable (Kafka's default) the controller looks every leader.imbalance.check.interval.seconds,
and where more than leader.imbalance.per.broker.percentage of what a broker should lead is led by others it elects their
first replicas (Kafka 3.7.1 KafkaController.checkAndTriggerAutoLeaderRebalance, in KRaft mode ReplicationControlManager
.maybeBalancePartitionLeaders). Until then the survivors lead its part as well. Otherwise nobody does it but a person.

Left out: what the move itself costs, a few tenths of a second as at a broker's orderly stop; the look 5 s after a
controller's election.
"""

from __future__ import annotations

from typing import Final

from workbench.model.parameter import FloatArray

CHECK_INTERVAL_S: Final = 300.0  # Kafka 3.7.1 KafkaConfig leader.imbalance.check.interval.seconds
IMBALANCE_SHARE: Final = 0.1  # leader.imbalance.per.broker.percentage


def leads_again_s(whole_s: FloatArray, phase: FloatArray) -> FloatArray:
    """Return when a broker leads again that is in every in-sync set since `whole_s` (s after its loss).

    `phase` is how much of the controller's interval is left then, 0 to 1. A broker that leads nothing is out of balance
    whatever it should lead.
    """
    return whole_s + CHECK_INTERVAL_S * phase


def led_share(brokers: int) -> float:
    """Return what each survivor leads until then, of all partitions, where every broker should lead as many.

    Raises ValueError for one broker: nobody survives it.
    """
    if brokers < 2:
        raise ValueError("one broker has no survivors")
    return 1.0 / (brokers - 1)
