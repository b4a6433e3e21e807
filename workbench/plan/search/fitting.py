"""Whether a set-up's pods find room, with all workers and with one lost, and what else rules it out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from workbench.model.scheduling import Node, Pod, place_all
from workbench.model.scheduling.objects import HOSTNAME
from workbench.plan.search.patches import worker_names
from workbench.plan.search.set_up import GB, MIB, SetUp, redis_bytes
from workbench.topology import HubTopology
from workbench.workload import Workload

MOVABLE: Final = ("event-processor", "gateway")  # what Kubernetes runs elsewhere when a worker is lost
# Connections that are nobody's pool: a superuser's three (PostgreSQL 14, superuser_reserved_connections), the exporter,
# and the backup.
OTHER_CONNECTIONS: Final = 5
MAX_CONNECTIONS: Final = 100  # PostgreSQL 14's default
# A state in Redis 6.2 beside its body: dictEntry 24, two sds headers and their allocations, the field's name.
STATE_BYTES: Final = 150
SESSION_BYTES: Final = 400
FILLED_SHARE: Final = 0.8
# A read that Redis does not answer decrypts up to one row a topic, 0.34 ms each (pgp_sym_decrypt, measured on one
# backend), beside a round trip of about 1 ms.
DECRYPT_S: Final = 339e-6
ROUND_TRIP_S: Final = 1e-3


def workers_of(reference: Sequence[Node], present: Sequence[str], now: SetUp, wanted: SetUp) -> list[Node]:
    """Return the nodes of a set-up: as much of a worker is left to pods as of the first of those there are."""
    first = next(node for node in reference if node.name in present)
    cpu_m = round(first.cpu_m * wanted.worker_cpu_cores / now.worker_cpu_cores)
    kept_bytes = now.worker_memory_gb * GB - first.memory_bytes  # the kernel's share grows with the memory
    memory_bytes = round(wanted.worker_memory_gb * GB - kept_bytes * wanted.worker_memory_gb / now.worker_memory_gb)
    others = [node for node in reference if node.name not in present]
    names = worker_names(list(present), wanted.workers)
    return [
        *others,
        *(
            replace(
                first,
                name=name,
                cpu_m=cpu_m,
                memory_bytes=memory_bytes,
                labels={**first.labels, HOSTNAME: name},
            )
            for name in names
        ),
    ]


def misfits(
    topology: HubTopology, workload: Workload, pods: Sequence[Pod], nodes: Sequence[Node], lost: str, seed: int
) -> list[str]:
    """Return why a set-up cannot be, a phrase each; nothing where it can. `lost`: a worker that may go, "" for none."""
    rest = (*_connections(topology), *_pool(topology, workload), *_redis(topology, workload))
    return [*_pending(pods, nodes, lost, seed), *rest]


def _pending(pods: Sequence[Pod], nodes: Sequence[Node], lost: str, seed: int) -> Iterator[str]:
    for gone in dict.fromkeys(("", lost)):
        left = [node for node in nodes if node.name != gone]
        for each in place_all(left, _in_order(pods), seed):
            if each.node is None and (not gone or _movable(each.pod)):
                where = f" without {gone}" if gone else ""
                yield f"{each.pod.name} finds no worker{where}: {each.reason}"
                break


def _in_order(pods: Sequence[Pod]) -> list[Pod]:
    return sorted(pods, key=_movable)


def _movable(pod: Pod) -> bool:
    return any(name in pod.owner for name in MOVABLE)


def _connections(topology: HubTopology) -> Iterator[str]:
    most = int(topology.postgres.config.get("max_connections", MAX_CONNECTIONS))
    pools = topology.gateways.replicas * topology.gateways.pool_size_max
    needed = topology.processors.replicas + pools + topology.postgres.replicas - 1 + OTHER_CONNECTIONS
    if needed > most:
        yield f"{needed} connections to Postgres, which takes {most}"


def _pool(topology: HubTopology, workload: Workload) -> Iterator[str]:
    """Yield a pool that cannot answer the readers while Redis is away (Little's law)."""
    if workload.readers is None:
        return
    read_s = ROUND_TRIP_S + len(topology.topics) * DECRYPT_S
    needed = workload.readers.requests_per_s * read_s / FILLED_SHARE
    there = topology.gateways.replicas * topology.gateways.pool_size_max
    if needed > there:
        yield f"{needed:.1f} connections are needed to read while Redis is away, and the gateways have {there}"


def _redis(topology: HubTopology, workload: Workload) -> Iterator[str]:
    users = 0 if workload.readers is None else workload.readers.users
    states = workload.devices * len(topology.topics) * (workload.event_bytes + STATE_BYTES)
    needed = (states + users * SESSION_BYTES) / FILLED_SHARE
    there = redis_bytes(topology.redis.config.get("maxmemory", "0"))
    if needed > there:
        yield f"Redis needs {needed / MIB:.0f} MiB for states and sessions and has {there / MIB:.0f}"
