"""What-ifs side by side: of Kubernetes' control loops, Kafka and its clients, Postgres' standbys, Redis' data.

All of them are the models' answers; docs/planning.md tells which were tried.
"""

from __future__ import annotations

from workbench.plan import kafka_choices, node_choices, postgres_choices, redis_choices
from workbench.plan.basis import Basis
from workbench.plan.outages import Hub
from workbench.plan.question import Question
from workbench.plan.what_if import WhatIf


def what_ifs(basis: Basis, question: Question, hub: Hub) -> list[WhatIf]:
    """Return each choice with what the loss of a node, a broker, the Postgres primary or Redis then means."""
    return [
        *node_choices.of_nodes(hub),
        *kafka_choices.of_metadata(hub),
        *kafka_choices.of_clients(hub),
        *kafka_choices.of_last_replica(hub, question),
        *kafka_choices.of_preferred_leaders(hub),
        *postgres_choices.of_standbys(basis, question, hub),
        *postgres_choices.of_second_loss(hub),
        *postgres_choices.of_checkpoints(hub),
        *redis_choices.of_persistence(question, hub.seed),
        *redis_choices.of_subscribers(question, hub),
    ]
