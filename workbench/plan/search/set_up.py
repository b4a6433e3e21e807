"""A set-up: the numbers of the hub that a search may change, read from a topology and its manifests.

Topics have at least so many partitions and so many replicas each. What follows from a set-up is not in it: a majority
of the replicas has to be in sync, as many ZooKeeper servers as workers allow (an odd number), and the share of its CPU
and memory that a server requests stays what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

import yaml

from workbench.errors import BadInput
from workbench.topology import HubTopology
from workbench.topology.pods import PodTraits
from workbench.units import quantity

SHAPE: Final = "hub-shape"
GB: Final = 1e9
MIB: Final = 2.0**20


@dataclass(frozen=True)
class SetUp:
    """What a search may change; the units are in the names."""

    workers: int
    worker_cpu_cores: float
    worker_memory_gb: float
    worker_disk_gb: float
    brokers: int
    partitions: int  # of each topic, at least
    replication_factor: int
    processors: int
    processor_toleration_s: float  # how long a pod stays on an unreachable node; infinite: for ever
    group_session_s: float
    zookeeper_session_s: float
    postgres_cpu_cores: float  # its limit
    gateway_pool: int  # connections to Postgres, of each gateway
    encryption: str
    redis_memory_mib: float  # maxmemory

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)

    def changes_from(self, other: SetUp) -> list[str]:
        """Return the names of what differs."""
        return [each.name for each in fields(self) if getattr(self, each.name) != getattr(other, each.name)]


NAMES: Final = tuple(each.name for each in fields(SetUp))


@dataclass(frozen=True)
class WorkerShape:
    """One worker as the ConfigMap hub-shape states it."""

    cpu_cores: float
    memory_gb: float
    disk_gb: float


def shapes_of(resources: list[dict[str, Any]]) -> dict[str, WorkerShape]:
    """Return the workers' sizes by name. Raises BadInput for one without a disk's size."""
    shape = next(each for each in resources if each["metadata"]["name"] == SHAPE)
    stated = {name: yaml.safe_load(text) for name, text in shape["data"].items()}
    if missing := [name for name, each in stated.items() if "disk" not in each]:
        raise BadInput(f"{SHAPE} states no disk of {', '.join(missing)}")
    return {
        name: WorkerShape(quantity(each["cpu"]), quantity(each["memory"]) / GB, quantity(each["disk"]) / GB)
        for name, each in stated.items()
    }


def set_up_of(topology: HubTopology, resources: list[dict[str, Any]], traits: Mapping[str, PodTraits]) -> SetUp:
    """Return the set-up of manifests. Raises BadInput where it is none that a search knows."""
    if topology.kafka.quorum is not None:
        raise BadInput("a search changes hubs with ZooKeeper only: this one is in KRaft mode")
    shapes = set(shapes_of(resources).values())
    if len(shapes) != 1:
        raise BadInput("a search knows workers of one size only: those of hub-shape differ")
    shape = shapes.pop()
    topics = topology.topics
    return SetUp(
        workers=len(topology.nodes),
        worker_cpu_cores=shape.cpu_cores,
        worker_memory_gb=shape.memory_gb,
        worker_disk_gb=shape.disk_gb,
        brokers=len(topology.kafka.broker_ids),
        partitions=min(topic.partitions for topic in topics),
        replication_factor=min(topic.replication_factor for topic in topics),
        processors=topology.processors.replicas,
        processor_toleration_s=traits["event-processor"].toleration_s,
        group_session_s=topology.processors.group_session_timeout_s,
        zookeeper_session_s=topology.kafka.zookeeper_session_timeout_s,
        postgres_cpu_cores=topology.postgres.resources.cpu_limit_cores,
        gateway_pool=topology.gateways.pool_size_max,
        encryption=topology.processors.encryption,
        redis_memory_mib=redis_bytes(topology.redis.config.get("maxmemory", "0")) / MIB,
    )


def redis_bytes(text: str) -> float:
    """Return a size as redis.conf writes it: 256mb in powers of two, 256m in powers of ten."""
    units = {"": 1.0, "b": 1.0, "k": 1e3, "kb": 2.0**10, "m": 1e6, "mb": 2.0**20, "g": 1e9, "gb": 2.0**30}
    digits = text.rstrip("kKmMgGbB")
    return float(digits) * units[text[len(digits) :].lower()]


def min_insync_replicas(replication_factor: int) -> int:
    """Return a majority of the replicas: what was acknowledged survives the loss of all but so many less one."""
    return replication_factor // 2 + 1


def zookeeper_servers(workers: int, present: int) -> int:
    """Return how many servers: an odd number that the workers allow, five at most, not fewer than there are."""
    wanted = max(present, 5 if workers >= 5 else 3)
    most = min(workers, wanted)
    return most if most % 2 else most - 1
