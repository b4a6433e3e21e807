"""Disks: what grows on each volume and each node, when the first is full, and how long Kafka's records may stay.

Volumes of class local-path are folders of one node's disk without a limit of their own, so the node is full when all of
them together are. Bytes of a row follow PostgreSQL 14's page layout; WAL and Redis' file have bounds of their own.

Days count from empty disks. Left out: the nightly copies, container images and logs, vacuum (rows are only ever
added), TOAST, index files of Kafka.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import yaml

from workbench.errors import BadInput
from workbench.plan.basis import Basis
from workbench.topology import render
from workbench.units import quantity

DAY_S: Final = 86_400.0
YEAR_DAYS: Final = 365.25
FULL_SHARE: Final = 0.9  # of a disk: beyond it servers are stopped before it is full
SHAPE: Final = "hub-shape"
# RFC 4880: session key packet, prefix, literal packet's header and modification detection code of pgp_sym_encrypt.
ENCRYPTED_MORE_BYTES: Final = 70
# PostgreSQL 14, Database Page Layout: line pointer 4, header 24, id 8, topic about 13, partition 4, offset 8, device 4,
# body's length 4, alignment 7.
ROW_BYTES: Final = 76
# Two B-trees, each entry 8 and its line pointer 4: id 8; device 4, topic 13, partition 4, offset 8, alignment. Pages
# are about 70 % full after random inserts (Yao 1978: ln 2).
INDEX_BYTES: Final = (12 + 8 + 12 + 32) / 0.7
WAL_BYTES: Final = 1e9  # max_wal_size, PostgreSQL 14's default; wal_keep_size comes from the manifests
AOF_FACTOR: Final = 3.0  # Redis 6.2 rewrites at twice the size and writes the new file beside the old one
LOG_RETENTION_H: Final = 168.0  # Kafka 3.7.1's default


@dataclass(frozen=True)
class Disk:
    """A volume or a node's disk: its size, what grows, where it stops growing (infinite: never), days until full."""

    name: str
    size_bytes: float
    bytes_per_event: float
    fixed_bytes: float  # WAL, Redis' file: there at once
    stays_bytes: float
    days: float
    holds: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form; null for never."""
        return {
            "name": self.name,
            "kind": "node" if self.holds else "volume",
            "size_bytes": self.size_bytes,
            "bytes_per_event": round(self.bytes_per_event, 1),
            "fixed_bytes": self.fixed_bytes,
            "stays_bytes": round(self.stays_bytes) if math.isfinite(self.stays_bytes) else None,
            "days_until_full": round(self.days, 1) if math.isfinite(self.days) else None,
            "holds": list(self.holds),
        }


def disks(basis: Basis, rate_per_s: float, growth_per_year: float) -> tuple[list[Disk], float]:
    """Return every volume and node, the first one full first, and the days of Kafka's records that fit on its volume.

    Raises BadInput where the manifests state no size.
    """
    sizes, nodes = _sizes(render(basis.manifests))
    kafka = _kafka(basis, sizes["kafka"], rate_per_s, growth_per_year)
    postgres_bytes = basis.workload.event_bytes + ENCRYPTED_MORE_BYTES + ROW_BYTES + INDEX_BYTES
    wal_bytes = WAL_BYTES + _bytes(basis.topology.postgres.config.get("wal_keep_size", "0"))
    postgres = _filled("postgres", sizes["postgres"], postgres_bytes, wal_bytes, rate_per_s, growth_per_year)
    state_bytes = AOF_FACTOR * _bytes(basis.topology.redis.config.get("maxmemory", "0"))
    days = math.inf if _fits(sizes["redis"], state_bytes) else 0.0
    redis = Disk("redis", sizes["redis"], 0.0, state_bytes, state_bytes, days)
    volumes = {"kafka": kafka, "postgres": postgres, "redis": redis}
    found = [*volumes.values()]
    for node, size_bytes in nodes.items():
        here = sorted(s for s, at in basis.topology.placement.items() if at == node and _kind(s) in volumes)
        found.append(_node(node, size_bytes, here, volumes, rate_per_s, growth_per_year))
    found.sort(key=lambda disk: (disk.days, disk.name))
    fits_days = FULL_SHARE * sizes["kafka"] / (rate_per_s * kafka.bytes_per_event * DAY_S)
    return found, fits_days


@dataclass(frozen=True)
class Retention:
    """What of Kafka's records fits a broker's volume: a bound of a partition's log, and how long records then stay."""

    bytes_per_partition: float  # the largest log.retention.bytes with which every copy on a broker fits
    hours_today: float  # that the busiest partition keeps under this bound
    hours_in_a_year: float
    stated_bytes: float | None  # as the manifests have it
    stated_hours: float

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {name: None if value is None else round(value, 1) for name, value in vars(self).items()}


def retention(basis: Basis, rate_per_s: float, growth_per_year: float) -> Retention:
    """Return the retention that fits. Raises BadInput where the manifests state no size."""
    hub = basis.topology
    size = _sizes(render(basis.manifests))[0]["kafka"]
    copies = sum(topic.partitions * topic.replication_factor for topic in hub.topics)
    bound = FULL_SHARE * size / math.ceil(copies / len(hub.kafka.broker_ids))
    busiest = max(basis.workload.mix.get(topic.name, 0.0) / topic.partitions for topic in hub.topics)
    hours = bound / (rate_per_s * busiest * basis.record_bytes) / 3600.0
    stated = float(hub.kafka.config.get("log.retention.bytes", -1))
    return Retention(
        bound,
        hours,
        hours / (1.0 + growth_per_year),
        stated if stated >= 0.0 else None,
        float(hub.kafka.config.get("log.retention.hours", LOG_RETENTION_H)),
    )


def days_until(amount: float, per_day: float, growth_per_year: float) -> float:
    """Return after how many days an inflow that grows exponentially has brought an amount."""
    if amount <= 0.0:
        return 0.0
    if per_day <= 0.0:
        return math.inf
    growth_per_day = math.log1p(growth_per_year) / YEAR_DAYS
    if growth_per_day == 0.0:
        return amount / per_day
    return math.log1p(amount * growth_per_day / per_day) / growth_per_day


def _kafka(basis: Basis, size_bytes: float, rate_per_s: float, growth_per_year: float) -> Disk:
    """Return a broker's volume; it stops growing at the retention by size, or by time at the rate of today."""
    brokers = len(basis.topology.kafka.broker_ids)
    config = basis.topology.kafka.config
    bound_bytes, hours = (
        float(config.get("log.retention.bytes", -1)),
        float(config.get("log.retention.hours", LOG_RETENTION_H)),
    )
    per_event, stays = 0.0, 0.0
    for topic in basis.topology.topics:
        copies = topic.replication_factor / brokers
        bytes_each = basis.record_bytes * basis.workload.mix.get(topic.name, 0.0)
        kept = float(topic.config.get("retention.ms", hours * 3_600_000.0)) / 1000.0
        cap = float(topic.config.get("retention.bytes", bound_bytes))
        by_time = rate_per_s * bytes_each * kept if kept >= 0.0 else math.inf
        by_size = cap * topic.partitions if cap >= 0.0 else math.inf
        per_event += bytes_each * copies
        # A growing rate fills up to the bound by size in the end.
        stays += copies * (by_size if growth_per_year > 0.0 and math.isfinite(by_size) else min(by_time, by_size))
    filled = _filled("kafka", size_bytes, per_event, 0.0, rate_per_s, growth_per_year)
    return replace(filled, stays_bytes=stays, days=math.inf if _fits(size_bytes, stays) else filled.days)


def _filled(
    name: str, size_bytes: float, per_event: float, fixed_bytes: float, rate_per_s: float, growth_per_year: float
) -> Disk:
    room = FULL_SHARE * size_bytes - fixed_bytes
    days = days_until(room, rate_per_s * per_event * DAY_S, growth_per_year)
    return Disk(name, size_bytes, per_event, fixed_bytes, math.inf, days)


def _node(
    node: str,
    size_bytes: float,
    here: list[str],
    volumes: Mapping[str, Disk],
    rate_per_s: float,
    growth_per_year: float,
) -> Disk:
    """Return a node's disk: what stops growing counts in full once it has stopped."""
    parts = [volumes[_kind(server)] for server in here]
    fixed = sum(part.fixed_bytes for part in parts)
    room = FULL_SHARE * size_bytes
    low, high = 0.0, 100.0 * YEAR_DAYS
    per_day = rate_per_s * DAY_S
    if _held(parts, high, per_day, growth_per_year) < room:
        low = math.inf
    else:
        for _ in range(60):
            middle = (low + high) / 2.0
            low, high = (middle, high) if _held(parts, middle, per_day, growth_per_year) < room else (low, middle)
    grows = sum(part.bytes_per_event for part in parts)
    stays = sum(part.stays_bytes for part in parts)
    return Disk(node, size_bytes, grows, fixed, stays, low, tuple(here))


def _held(parts: list[Disk], days: float, events_per_day: float, growth_per_year: float) -> float:
    growth_per_day = math.log1p(growth_per_year) / YEAR_DAYS
    events = events_per_day * (math.expm1(growth_per_day * days) / growth_per_day if growth_per_day else days)
    return sum(min(part.stays_bytes, part.fixed_bytes + part.bytes_per_event * events) for part in parts)


def _fits(size_bytes: float, stays_bytes: float) -> bool:
    return stays_bytes <= FULL_SHARE * size_bytes


def _kind(server: str) -> str:
    return server.rpartition("-")[0]


def _bytes(text: str) -> float:
    """Return a size as Postgres and Redis write it: 1GB, 256mb, both in powers of two."""
    digits = text.rstrip("kKmMgGbB")
    power = {"": 0, "k": 1, "m": 2, "g": 3}[text[len(digits) :].lower().rstrip("b")]
    return float(digits) * 1024.0**power


def _sizes(resources: list[dict[str, Any]]) -> tuple[dict[str, float], dict[str, float]]:
    """Return the volumes' sizes by kind of server, and the nodes' disks."""
    sizes: dict[str, float] = {}
    nodes: dict[str, float] = {}
    for each in resources:
        spec = each.get("spec", {})
        match each["kind"]:
            case "Kafka":
                sizes["kafka"] = quantity(spec["kafka"].get("storage", {}).get("size", 0))
            case "Kubegres":
                sizes["postgres"] = quantity(spec.get("database", {}).get("size", 0))
            case "StatefulSet" if spec.get("volumeClaimTemplates"):
                claim = spec["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]
                sizes["redis"] = quantity(claim["storage"])
            case "ConfigMap" if each["metadata"]["name"] == SHAPE:
                shapes = {name: yaml.safe_load(text) for name, text in each["data"].items()}
                nodes = {name: quantity(shape["disk"]) for name, shape in shapes.items() if "disk" in shape}
    missing = [kind for kind in ("kafka", "postgres", "redis") if not sizes.get(kind)]
    if missing:
        raise BadInput(f"the manifests state no size of the volumes of {', '.join(missing)}")
    return sizes, nodes
