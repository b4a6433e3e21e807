"""The event processor's Deployment and the environment of its container to typed values."""

from __future__ import annotations

from typing import Final, Literal, get_args

from workbench.topology.documents import Node
from workbench.topology.environment import ContainerEnvironment
from workbench.topology.fields import Reader, near, one_of
from workbench.topology.hub import EventProcessors, Topic
from workbench.topology.rendering import Resources
from workbench.topology.stores import only_container

# Where bodies are encrypted: in Postgres (pgp_sym_encrypt), in the processor, or below the file system (LUKS).
Encryption = Literal["pgcrypto", "application", "disk"]
BATCH_EVENTS_MAX: Final = 100_000
BATCH_LINGER_S_MAX: Final = 60.0
GROUP_SESSION_TIMEOUT_S: Final = (6.0, 1800.0)  # Kafka 3.7.1 group.min.session.timeout.ms and group.max.session..
# What the processor refuses to start without, wherever it comes from (most of these are secrets).
_NEEDED: Final = ("KAFKA_BOOTSTRAP", "POSTGRES_DSN", "REDIS_URL", "ENCRYPTION_KEY", "PROCESSOR_INDEX")
_ENCRYPTION: Final = "spec.template.spec.containers[0].env[ENCRYPTION]"
_TOPICS: Final = "spec.template.spec.containers[0].env[KAFKA_TOPICS]"


def read_processors(reader: Reader, node: Node, resources: Resources, topics: tuple[Topic, ...]) -> EventProcessors:
    """Return the Deployment and its settings; it must consume every topic, or events would never be committed."""
    container = only_container(reader, node)
    env = ContainerEnvironment(reader, container, node.text("metadata", "namespace"), resources)
    _check_topics(reader, env, [topic.name for topic in topics])
    env.check_stated(_NEEDED)
    env.number("METRICS_PORT", 1, 65_535, whole=True)
    return EventProcessors(
        name=reader.text(node, "metadata", "name"),
        replicas=reader.whole(node, "spec", "replicas", at_least=1, at_most=1000),
        consumer_group=env.text("KAFKA_GROUP"),
        group_session_timeout_s=env.number("GROUP_SESSION_TIMEOUT_S", *GROUP_SESSION_TIMEOUT_S, whole=False),
        batch_events_max=round(env.number("BATCH_EVENTS_MAX", 1, BATCH_EVENTS_MAX, whole=True)),
        batch_linger_s=env.number("BATCH_LINGER_S", 0.0, BATCH_LINGER_S_MAX, whole=False),
        encryption=_encryption(reader, env),
        environment=env.literal,
        resources=reader.resources(container, "resources"),
    )


def _encryption(reader: Reader, env: ContainerEnvironment) -> str:
    """Return where bodies are encrypted: pgcrypto where nothing is stated, the one way the processor itself knows."""
    if "ENCRYPTION" not in env.stated:
        return "pgcrypto"
    text = env.text("ENCRYPTION")
    if text not in get_args(Encryption):
        reader.note(env.stated["ENCRYPTION"].place, _ENCRYPTION, text, one_of(get_args(Encryption)))
    return text


def _check_topics(reader: Reader, env: ContainerEnvironment, known: list[str]) -> None:
    """Note topics that do not exist, and those nobody consumes."""
    text = env.text("KAFKA_TOPICS")
    if not text:
        return
    place = env.stated["KAFKA_TOPICS"].place
    consumed = [name.strip() for name in text.split(",")]
    for name in consumed:
        if name not in known:
            bound = "topics that a KafkaTopic states" + near(name, known)
            reader.note(place, _TOPICS, name or "an empty name", bound)
    for name in known:
        if name not in consumed:
            bound = f"{name} as well: events of a topic nobody consumes are never committed"
            reader.note(place, _TOPICS, text, bound)
