"""What a prediction of a quorum's loss knows beside what every broker's loss knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from workbench.model.parameter import Parameter, Source
from workbench.units import seconds_from_ms

if TYPE_CHECKING:  # a prediction's subprocesses import this package: they need neither YAML nor pydantic
    from workbench.topology.hub import HubTopology


def zookeeper_connection(topology: HubTopology, rows: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Return how long a starting broker waits for a ZooKeeper server to connect to."""
    key = "zookeeper.connection.timeout.ms"
    asked_s = float(rows["zookeeper_session_timeout_s"].value)
    stated_ms = topology.kafka.config.get(key)
    value_s = asked_s if stated_ms is None else seconds_from_ms(float(stated_ms))
    origin = f"spec.kafka.config {key}, else Kafka 3.7.1 takes zookeeper.session.timeout.ms"
    return {"zookeeper_connection_timeout_s": Parameter(value_s, "s", Source.MANIFEST, origin)}
