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
from workbench.plan.survival import lost_on, stops, worst_nodes, writable

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
    """Return the hub whole and with each part gone; of the nodes the worst ones."""
    hub = basis.topology
    whole = Left("whole", len(hub.kafka.broker_ids), hub.processors.replicas, hub.postgres.replicas)
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
        _without(basis, whole, "one node gone", worst_nodes(hub, 1)),
        _without(basis, whole, "two nodes gone", worst_nodes(hub, 2)),
    )


def _without(basis: Basis, whole: Left, name: str, nodes: tuple[str, ...]) -> Left:
    """Return what is left without nodes, until the processors run elsewhere; nothing where Kafka takes no write."""
    hub = basis.topology
    stopped = stops(hub, nodes)
    brokers, processors, postgres = (lost_on(hub, nodes, kind) for kind in ("kafka", "event-processor", "postgres"))
    note = " and ".join(nodes) + ", until their processors run elsewhere"
    if stopped:
        note = " and ".join(nodes) + ": " + " ".join(each.sentence for each in stopped)
    return Left(
        name,
        0 if any(each.unacknowledged for each in stopped) else whole.brokers - brokers,
        whole.processors - processors,
        whole.postgres - postgres,
        note,
    )


def worst_node(basis: Basis) -> str:
    """Return the node whose loss stops most."""
    return worst_nodes(basis.topology, 1)[0]


def saturation_per_s(basis: Basis, question: Question, left: Left, draws: Mapping[str, float]) -> dict[str, float]:
    """Return the rate (events/s of the whole hub) at which each station is busy all the time."""
    takes_writes = left.brokers > 0 and writable(basis.topology, len(basis.topology.kafka.broker_ids) - left.brokers)
    rates = {
        PROCESSORS: _processors_per_s(basis, left, draws) if left.processors else 0.0,
        POSTGRES: _postgres_per_s(basis, draws) if left.postgres else 0.0,
        BROKERS: _brokers_per_s(basis, left, draws) if takes_writes else 0.0,
    }
    if question.node.network_bytes_per_s is not None:
        rates[NETWORK] = (
            question.node.network_bytes_per_s / (basis.copies_bytes / left.brokers) if takes_writes else 0.0
        )
    if question.node.disk_bytes_per_s is not None:
        rates[DISK] = question.node.disk_bytes_per_s / (basis.copies_bytes / left.brokers) if takes_writes else 0.0
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
