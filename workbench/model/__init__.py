"""The model: control events in SimPy, everything between two of them by the engine, a prediction of every metric."""

from typing import Final

from workbench.model.predicting import predict

NOT_MODELLED: Final = (
    "A second fault while the first is being recovered from.",
    "A ZooKeeper server that dies with the broker, where it is not all of a node's servers; a quorum lost for long.",
    "In KRaft mode: a node that goes silent, with a controller on it.",
    "Whole machines: a dead process resets its connections, a dead machine is silent.",
    "Garbage collection and swapping beyond what the baseline's acknowledgement times contain.",
    "Events that the load generator sends late.",
    "Requests held for over 30 s, which brokers time out and clients repeat under the same sequence numbers.",
    "The preferred leaders' return (every 300 s, and 5 s after a controller's election): writes wait a second again.",
    "What a checkpoint of Postgres' costs commits meanwhile; a fail-over to a standby that is not the most advanced.",
    "What a fault costs the readers at the gateway, but for a loss of Redis.",
)

__all__ = ["NOT_MODELLED", "predict"]
