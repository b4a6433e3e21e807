"""Settings, from the environment alone; every problem is reported at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")


class BadSettings(Exception):
    """The environment is incomplete or wrong; `problems` holds one sentence each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


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
    metrics_port: int
    processor_index: int
    log_level: str


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings of an environment. Raises BadSettings with every problem."""
    problems: list[str] = []

    def text(name: str) -> str:
        value = environment.get(name, "")
        if not value:
            problems.append(f"{name} is not set")
        return value

    def number(name: str, low: float, high: float) -> float:
        value = text(name)
        try:
            parsed = float(value or "nan")
        except ValueError:
            parsed = float("nan")
        if value and not low <= parsed <= high:
            problems.append(f"{name} is {value!r}: a number from {low:g} to {high:g}")
        return parsed if low <= parsed <= high else low

    topics = tuple(topic.strip() for topic in text("KAFKA_TOPICS").split(",") if topic.strip())
    log_level = environment.get("LOG_LEVEL", "INFO").upper()
    if log_level not in LOG_LEVELS:
        problems.append(f"LOG_LEVEL is {log_level!r}: one of {', '.join(LOG_LEVELS)}")
    settings = Settings(
        kafka_bootstrap=text("KAFKA_BOOTSTRAP"),
        topics=topics,
        group=text("KAFKA_GROUP"),
        group_session_timeout_s=number("GROUP_SESSION_TIMEOUT_S", 6, 1800),
        postgres_dsn=text("POSTGRES_DSN"),
        redis_url=text("REDIS_URL"),
        encryption_key=text("ENCRYPTION_KEY"),
        batch_events_max=int(number("BATCH_EVENTS_MAX", 1, 100_000)),
        batch_linger_s=number("BATCH_LINGER_S", 0.0, 60.0),
        metrics_port=int(number("METRICS_PORT", 1, 65_535)),
        processor_index=int(number("PROCESSOR_INDEX", 0, 10_000)),
        log_level=log_level,
    )
    if problems:
        raise BadSettings(problems)
    return settings
