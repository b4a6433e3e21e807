"""The event processor's Deployment and the environment of its container to typed values."""

from __future__ import annotations

import math
from typing import Final

from workbench.topology.documents import Node
from workbench.topology.fields import Reader, near
from workbench.topology.hub import EventProcessors, Topic
from workbench.topology.stores import only_container

BATCH_EVENTS_MAX: Final = 100_000
BATCH_LINGER_S_MAX: Final = 60.0
GROUP_SESSION_TIMEOUT_S: Final = (6.0, 1800.0)  # Kafka 3.7.1 group.min.session.timeout.ms and group.max.session..
# What the processor refuses to start without, wherever it comes from (most of these are secrets).
_NEEDED: Final = ("KAFKA_BOOTSTRAP", "POSTGRES_DSN", "REDIS_URL", "ENCRYPTION_KEY", "PROCESSOR_INDEX")
_ENV: Final = "spec.template.spec.containers[0].env"


def read_processors(reader: Reader, node: Node, topics: tuple[Topic, ...]) -> EventProcessors:
    """Return the Deployment and its settings; it must consume every topic, or events would never be committed."""
    container = only_container(reader, node)
    env = _Environment(reader, container)
    env.check_topics([topic.name for topic in topics])
    env.check_stated(_NEEDED)
    env.number("METRICS_PORT", 1, 65_535, whole=True)
    return EventProcessors(
        name=reader.text(node, "metadata", "name"),
        replicas=reader.whole(node, "spec", "replicas", at_least=1, at_most=1000),
        consumer_group=env.text("KAFKA_GROUP"),
        group_session_timeout_s=env.number("GROUP_SESSION_TIMEOUT_S", *GROUP_SESSION_TIMEOUT_S, whole=False),
        batch_events_max=round(env.number("BATCH_EVENTS_MAX", 1, BATCH_EVENTS_MAX, whole=True)),
        batch_linger_s=env.number("BATCH_LINGER_S", 0.0, BATCH_LINGER_S_MAX, whole=False),
        encryption="pgcrypto",  # the one way the processor knows
        environment=env.literal,
        resources=reader.resources(container, "resources"),
    )


class _Environment:
    """A container's environment: literal values by name, and the names that come from elsewhere."""

    def __init__(self, reader: Reader, container: Node) -> None:
        self.reader = reader
        env = container.get("env")
        self.place = (env or container).place
        self.stated: dict[str, Node] = {}
        self.literal: dict[str, str] = {}
        for index, item in enumerate(env.items if env else []):
            name, value = item.text("name"), item.get("value")
            if name in self.stated:
                reader.note(item.place, f"{_ENV}[{index}]", f"{name}, a second time", "each name once")
            self.stated[name] = item
            if value is None:
                continue
            if not isinstance(value.value, str):
                bound = "a text: put it in quotes, or the API server refuses it"
                reader.note(value.place, f"{_ENV}[{name}]", value.plain, bound)
                continue
            self.literal[name] = value.value

    def text(self, name: str) -> str:
        """Return a literal value; a missing one, or one from elsewhere, is noted."""
        if name in self.literal:
            return self.literal[name]
        if name not in self.stated:
            bound = "a literal value" + near(name, [*self.stated], cutoff=0.75)
            self.reader.note(self.place, f"{_ENV}[{name}]", "missing", bound)
        elif self.stated[name].get("value") is None:
            bound = "a literal value: the model needs to know it"
            self.reader.note(self.stated[name].place, f"{_ENV}[{name}]", "not stated here", bound)
        return ""

    def number(self, name: str, at_least: float, at_most: float, *, whole: bool) -> float:
        """Return a literal number within its bounds."""
        text = self.text(name)
        if not text:
            return at_least
        bound = f"{'a whole number' if whole else 'a number'} from {at_least:g} to {at_most:g}"
        try:
            number = float(int(text)) if whole else float(text)
        except ValueError:
            number = math.nan
        if not at_least <= number <= at_most:
            self.reader.note(self.stated[name].place, f"{_ENV}[{name}]", text, bound)
            return at_least
        return number

    def check_stated(self, names: tuple[str, ...]) -> None:
        """Note each name that the container is not given at all."""
        for name in names:
            if name not in self.stated:
                bound = "a value, or a secret's key" + near(name, list(self.stated), cutoff=0.75)
                self.reader.note(self.place, f"{_ENV}[{name}]", "missing", bound)

    def check_topics(self, known: list[str]) -> None:
        """Note topics that do not exist, and those nobody consumes."""
        text = self.text("KAFKA_TOPICS")
        if not text:
            return
        place = self.stated["KAFKA_TOPICS"].place
        consumed = [name.strip() for name in text.split(",")]
        for name in consumed:
            if name not in known:
                bound = "topics that a KafkaTopic states" + near(name, known)
                self.reader.note(place, f"{_ENV}[KAFKA_TOPICS]", name or "an empty name", bound)
        for name in known:
            if name not in consumed:
                bound = f"{name} as well: events of a topic nobody consumes are never committed"
                self.reader.note(place, f"{_ENV}[KAFKA_TOPICS]", text, bound)
