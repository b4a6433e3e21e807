"""What a Kafka server's settings say of the metadata quorum in KRaft mode (Kafka 3.7.1, documentation "KRaft")."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Final

from workbench.target.clients.addresses import LOOPBACK
from workbench.topology.hub import ControllerQuorum

STORAGE_MAIN: Final = "kafka.tools.StorageTool"
LISTENER: Final = "CONTROLLER"
CLUSTER_ID_BYTES: Final = 16  # Kafka's Uuid, in base64 without padding


def cluster_id(hub_id: str) -> str:
    """Return the cluster id of a hub's storage."""
    digest = hashlib.sha256(hub_id.encode()).digest()[:CLUSTER_ID_BYTES]
    return base64.urlsafe_b64encode(b"A" + digest[1:]).decode().rstrip("=")  # a leading "-" would be an option


def broker(quorum: ControllerQuorum, node_id: int, ports: Mapping[int, int]) -> dict[str, str]:
    """Return a broker's settings; `ports` are the controllers' by node id."""
    return _member(quorum, node_id, "broker", ports)


def controller(quorum: ControllerQuorum, node_id: int, ports: Mapping[int, int]) -> dict[str, str]:
    """Return a controller's settings."""
    listens = f"{LISTENER}://{LOOPBACK}:{ports[node_id]}"
    return {**_member(quorum, node_id, "controller", ports), "listeners": listens}


def _member(quorum: ControllerQuorum, node_id: int, role: str, ports: Mapping[int, int]) -> dict[str, str]:
    return {
        "broker.session.timeout.ms": str(round(quorum.broker_session_timeout_s * 1000)),
        "broker.heartbeat.interval.ms": str(round(quorum.broker_heartbeat_interval_s * 1000)),
        "node.id": str(node_id),
        "process.roles": role,
        "controller.quorum.voters": ",".join(f"{voter}@{LOOPBACK}:{port}" for voter, port in ports.items()),
        "controller.listener.names": LISTENER,
        "listener.security.protocol.map": f"{LISTENER}:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    }
