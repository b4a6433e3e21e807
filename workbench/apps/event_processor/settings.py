"""Settings of one event processor, from its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workbench.apps.environment import Environment


@dataclass(frozen=True)
class KafkaTls:
    """Files of a TLS client, PEM: whom to trust, and who it is. Kafka sees the certificate's name as the user."""

    authority: str
    certificate: str
    key: str


@dataclass(frozen=True)
class Settings:
    """What one event processor needs to know. Secrets are left out of its representation."""

    kafka_bootstrap: str
    topics: tuple[str, ...]
    group: str
    group_session_timeout_s: float  # a member that is silent for longer loses its partitions
    postgres_dsn: str = field(repr=False)  # holds a password
    redis_url: str = field(repr=False)  # holds a password
    encryption_key: str = field(repr=False)
    batch_events_max: int
    batch_linger_s: float  # from the batch's first record
    metrics_address: str  # they are for this machine alone, unless it is told otherwise
    metrics_port: int
    processor_index: int
    log_level: str
    kafka_tls: KafkaTls | None = None  # None: plain text


def read_settings(variables: Mapping[str, str]) -> Settings:
    """Return the settings of an environment. Raises BadSettings with every problem."""
    environment = Environment(variables)
    topics = tuple(topic.strip() for topic in environment.text("KAFKA_TOPICS").split(",") if topic.strip())
    tls = environment.all_or_none("KAFKA_CA_FILE", "KAFKA_CERTIFICATE_FILE", "KAFKA_KEY_FILE")
    settings = Settings(
        kafka_bootstrap=environment.text("KAFKA_BOOTSTRAP"),
        topics=topics,
        group=environment.text("KAFKA_GROUP"),
        group_session_timeout_s=environment.number("GROUP_SESSION_TIMEOUT_S", 6, 1800),
        postgres_dsn=environment.text("POSTGRES_DSN"),
        redis_url=environment.text("REDIS_URL"),
        encryption_key=environment.text("ENCRYPTION_KEY"),
        batch_events_max=int(environment.number("BATCH_EVENTS_MAX", 1, 100_000)),
        batch_linger_s=environment.number("BATCH_LINGER_S", 0.0, 60.0),
        metrics_address=environment.text("METRICS_ADDRESS", "127.0.0.1"),
        metrics_port=int(environment.number("METRICS_PORT", 1, 65_535)),
        processor_index=int(environment.number("PROCESSOR_INDEX", 0, 10_000)),
        log_level=environment.log_level(),
        kafka_tls=KafkaTls(*tls) if tls else None,
    )
    environment.only("ENCRYPTION", "pgcrypto")
    environment.check()
    return settings
