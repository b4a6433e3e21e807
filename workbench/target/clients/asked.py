"""What is asked of a hub in the same way wherever its servers run."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.target.clients.doors import Doors
from workbench.target.clients.kafka import KafkaReader
from workbench.target.port import Endpoints, Ensemble, PartitionState, ProcessStart
from workbench.topology.hub import HubTopology


class AskedHub:
    """A hub whose servers answer these questions. All methods raise ToolFailed when nobody answers in time."""

    def __init__(self, topology: HubTopology, endpoints: Endpoints, kafka: KafkaReader) -> None:
        self._topology = topology
        self._endpoints = endpoints
        self.kafka = kafka
        self.doors = Doors(endpoints)

    def close_connections(self) -> None:
        """Close every connection; the next question opens new ones."""
        self.kafka.close()
        self.doors.close()

    @property
    def topology(self) -> HubTopology:
        """Return the topology the hub was started from."""
        return self._topology

    @property
    def endpoints(self) -> Endpoints:
        """Return where the hub's doors are."""
        return self._endpoints

    def process_starts(self, server: str) -> tuple[ProcessStart, ...]:
        """Return every start of a server's process, oldest first."""
        raise NotImplementedError

    def registered_brokers(self) -> frozenset[int]:
        """Return the broker ids registered now (ZooKeeper's /brokers/ids; in KRaft mode those not fenced)."""
        return self.kafka.registered_brokers()

    def partition_states(self) -> Mapping[str, PartitionState]:
        """Return leader and in-sync replicas of every partition as the controller last told the brokers."""
        return self.kafka.partition_states()

    def controller(self) -> int:
        """Return the active controller's broker id (in KRaft mode its own node id), -1 if there is none."""
        return self.kafka.controller()

    def ensemble(self) -> Ensemble:
        """Return what each ZooKeeper server is, and which of them holds each broker's session."""
        return self.kafka.ensemble()

    def group_coordinator(self, group: str) -> int:
        """Return the broker that coordinates a consumer group, -1 if none does now."""
        return self.kafka.group_coordinator(group)

    def standbys(self) -> int | None:
        """Return how many standbys are connected to a primary that takes writes; None when there is none."""
        return self.doors.standbys()

    def redis_answers(self) -> bool:
        """Tell whether Redis answers and has its data loaded."""
        return self.doors.redis_answers()

    def waiting_records(self) -> int:
        """Return how many records the event processors have not committed yet."""
        return self.kafka.lag_records(self.topology.processors.consumer_group)
