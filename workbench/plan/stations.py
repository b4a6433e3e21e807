"""At which rate each station of the hub is busy all the time, whole and with a part gone.

Operational laws (Denning and Buzen, The Operational Analysis of Queueing Network Models, 1978): a station's demand an
event is its utilization over the throughput at which that was measured (D = U / X), and it saturates at its
capacity over its demand. Brokers and Postgres are measured in cores and have the CPU limit that the manifests
state. A processor works on one batch at a time, full ones where it is saturated (model/batches.py); the one with
the largest share of the events saturates first. Fewer processors are never believed to do more than all of them:
the batch time of one alone is drawn from a machine that was not full.

Left out: clock speeds other than the measured machine's, a node's cores that several limits together exceed, page
caches, checkpoints, Redis beyond its share of a batch, ZooKeeper, the gateways' readers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from workbench.model.setting import full_batch_s
from workbench.model.traffic import table
from workbench.plan.basis import Basis
from workbench.plan.question import Question

PROCESSORS: Final = "event processors"
POSTGRES: Final = "Postgres CPU (pgcrypto)"
BROKERS: Final = "Kafka brokers' CPU"
NETWORK: Final = "brokers' network"
DISK: Final = "brokers' disk"
PATHS: Final[Mapping[str, str]] = {
    PROCESSORS: "pipeline",
    POSTGRES: "Postgres",
    BROKERS: "Kafka",
    NETWORK: "network",
    DISK: "disk",
}


@dataclass(frozen=True)
class Left:
    """What of the hub is there."""

    name: str
    brokers: int
    processors: int
    postgres: int
    note: str = ""


def states(basis: Basis) -> tuple[Left, ...]:
    """Return the hub whole and with each part gone; of the nodes the worst one."""
    hub = basis.topology
    whole = Left("whole", len(hub.kafka.broker_ids), hub.processors.replicas, hub.postgres.replicas)
    worst = worst_node(basis)
    brokers, processors, postgres = (_lost(basis, kind, worst) for kind in ("kafka", "event-processor", "postgres"))
    return (
        whole,
        replace(whole, name="one broker gone", brokers=whole.brokers - 1),
        replace(
            whole,
            name="one Postgres instance gone",
            postgres=whole.postgres - 1,
            note="after the fail-over; nothing is written until then",
        ),
        replace(whole, name="one event processor gone", processors=whole.processors - 1),
        Left(
            "one node gone",
            whole.brokers - brokers,
            whole.processors - processors,
            whole.postgres - postgres,
            f"{worst}, until its processors run elsewhere",
        ),
    )


def worst_node(basis: Basis) -> str:
    """Return the node whose loss leaves the fewest processors; of equals the fewest brokers, then instances."""

    def lost(node: str) -> tuple[int, int, int]:
        return _lost(basis, "event-processor", node), _lost(basis, "kafka", node), _lost(basis, "postgres", node)

    return max(basis.topology.nodes, key=lost)


def _lost(basis: Basis, kind: str, node: str) -> int:
    return sum(server.rpartition("-")[0] == kind and at == node for server, at in basis.topology.placement.items())


def saturation_per_s(basis: Basis, question: Question, left: Left, draws: Mapping[str, float]) -> dict[str, float]:
    """Return the rate (events/s of the whole hub) at which each station is busy all the time."""
    writable = left.brokers >= max(topic.min_insync_replicas for topic in basis.topology.topics)
    rates = {
        PROCESSORS: _processors_per_s(basis, left, draws) if left.processors else 0.0,
        POSTGRES: _postgres_per_s(basis, draws) if left.postgres else 0.0,
        BROKERS: _brokers_per_s(basis, left, draws) if writable else 0.0,
    }
    if question.node.network_bytes_per_s is not None:
        rates[NETWORK] = question.node.network_bytes_per_s / (basis.copies_bytes / left.brokers) if writable else 0.0
    if question.node.disk_bytes_per_s is not None:
        rates[DISK] = question.node.disk_bytes_per_s / (basis.copies_bytes / left.brokers) if writable else 0.0
    return rates


def _processors_per_s(basis: Basis, left: Left, draws: Mapping[str, float]) -> float:
    """Return the rate at which the processors that are left are saturated, at most that of all of them."""
    return min(
        _of_processors_per_s(basis, count, draws) for count in (left.processors, basis.topology.processors.replicas)
    )


def _of_processors_per_s(basis: Basis, processors: int, draws: Mapping[str, float]) -> float:
    noise = float(table(basis.parameters.distribution("batch_noise")).mean())
    each_per_s = draws["batch_events_max"] / full_batch_s(processors, draws, noise)
    return each_per_s / basis.largest_share(processors)


def _postgres_per_s(basis: Basis, draws: Mapping[str, float]) -> float:
    demand_s = draws["database_cores"] / basis.measured_at_per_s
    return basis.topology.postgres.resources.cpu_limit_cores / demand_s


def _brokers_per_s(basis: Basis, left: Left, draws: Mapping[str, float]) -> float:
    """Return the rate at which the remaining brokers have no core left: each carries the lost ones' part as well."""
    lost = len(basis.topology.kafka.broker_ids) - left.brokers
    carried = 1.0 + lost * draws["taken_over_share"] / left.brokers
    demand_s = carried * draws["victim_cores"] / basis.measured_at_per_s
    return basis.topology.kafka.resources.cpu_limit_cores / demand_s
