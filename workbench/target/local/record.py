"""hub.json: what is known of one hub, for whoever attaches to it. It holds passwords: mode 0600."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from workbench.errors import BadInput, MachineTrouble
from workbench.fault import FailoverRule, RestartRule
from workbench.target.clients.addresses import KafkaAddresses, on_loopback
from workbench.target.local.control import Control
from workbench.target.local.places import hubs_directory
from workbench.target.port import Endpoints
from workbench.topology.hub import HubTopology

FILE_NAME: Final = "hub.json"


@dataclass(frozen=True)
class Ports:
    """Every port of a hub, on loopback."""

    kafka: Mapping[int, int]  # broker id -> port
    zookeeper: Mapping[int, int]  # server id -> client port
    quorum: Mapping[int, int]
    election: Mapping[int, int]
    postgres: Mapping[int, int]  # instance 1 (primary), 2 ..
    redis: int
    metrics: Mapping[int, int]  # processor index -> port
    gateways: Mapping[int, int]  # gateway index -> port
    controllers: Mapping[int, int] = field(default_factory=dict)  # node id -> port; only in KRaft mode

    @property
    def addresses(self) -> KafkaAddresses:
        """Return where Kafka and ZooKeeper answer."""
        return KafkaAddresses(on_loopback(self.kafka), on_loopback(self.zookeeper), on_loopback(self.controllers))

    def all(self) -> list[int]:
        """Return them as one list."""
        zookeeper = (self.zookeeper, self.quorum, self.election)
        several = (self.kafka, *zookeeper, self.controllers, self.postgres, self.metrics, self.gateways)
        return [self.redis, *(port for ports in several for port in ports.values())]


@dataclass(frozen=True)
class HubRecord:
    """One hub. Times: epoch seconds."""

    hub_id: str
    created_s: float
    seed: int
    restart: RestartRule
    topology: HubTopology
    ports: Ports
    endpoints: Endpoints
    versions: Mapping[str, str]
    failover: FailoverRule = FailoverRule.NONE
    complete: bool = False  # False while it starts
    ready_s: float = 0.0  # from the start's begin until all was ready
    start_to_registered_s: Mapping[str, float] = field(default_factory=dict)  # "kafka-1" -> at hub start
    start_cpu_s: Mapping[str, float] = field(default_factory=dict)  # computing time until then
    registered_to_ready_s: Mapping[str, float] = field(default_factory=dict)

    def write(self, directory: Path) -> None:
        """Write hub.json into the hub's directory."""
        temporary = directory / (FILE_NAME + ".part")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_ADAPTER.dump_json(self, indent=1))
        temporary.rename(directory / FILE_NAME)


_ADAPTER: Final = TypeAdapter(HubRecord)


def read(directory: Path) -> HubRecord:
    """Return a hub's record. Raises MachineTrouble when there is none that this version can read."""
    try:
        return _ADAPTER.validate_json((directory / FILE_NAME).read_bytes())
    except FileNotFoundError as error:
        raise MachineTrouble(f"there is no hub in {directory}") from error
    except ValidationError as error:
        remedy = f"remove that hub: workbench hub down {directory.name}"
        raise MachineTrouble(f"{directory / FILE_NAME} was written by another version; {remedy}") from error


def hub_directories() -> list[Path]:
    """Return the directories of all hubs, up or stale."""
    home = hubs_directory().resolve()
    return sorted(path for path in home.iterdir() if path.is_dir()) if home.exists() else []


def ports_taken() -> set[int]:
    """Return the ports of all hubs, so that a port is not given to two while one of its servers is down."""
    ports: set[int] = set()
    for directory in hub_directories():
        with contextlib.suppress(MachineTrouble):  # nothing readable: the bind test alone decides
            ports.update(read(directory).ports.all())
    return ports


def find(hub: str | Path) -> Path:
    """Return the directory of a hub that is up, by id, directory, or "" for the only one.

    Raises BadInput when "" is not clear, MachineTrouble when no such hub is up.
    """
    if str(hub):
        directory = Path(hub) if Path(hub).is_absolute() else hubs_directory() / str(hub)
        if Control(directory.name).answers():
            return directory.resolve()
        raise MachineTrouble(f"hub {directory.name} is not up")
    up = [directory for directory in hub_directories() if Control(directory.name).answers()]
    if not up:
        raise MachineTrouble("no hub is up; start one with: workbench hub up")
    if len(up) > 1:
        raise BadInput("several hubs are up, name one of: " + ", ".join(directory.name for directory in up))
    return up[0]
