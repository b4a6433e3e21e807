"""Settings of the gateway, from its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workbench.apps.environment import Environment


@dataclass(frozen=True)
class Settings:
    """What one gateway needs to know. Secrets are left out of its representation."""

    listen_address: str
    port: int
    postgres_dsn: str = field(repr=False)  # holds a password
    redis_url: str = field(repr=False)  # holds a password
    encryption_key: str = field(repr=False)  # the processors'
    login_secret: str = field(repr=False)  # what a device user has to know
    token_key: str = field(repr=False)  # signs tokens
    session_ttl_s: int
    state_ttl_s: int  # after so long Redis' states of a device are compared with Postgres once more
    pool_size_max: int  # connections to Postgres, and to Redis
    pool_waiting_max: int  # requests that may wait for a connection to Postgres
    pool_wait_s: float
    postgres_timeout_s: float  # of one question
    redis_timeout_s: float  # of one connection and of one answer
    retry_after_s: int  # what a client is told that cannot be served now
    log_level: str


def read_settings(variables: Mapping[str, str]) -> Settings:
    """Return the settings of an environment. Raises BadSettings with every problem."""
    environment = Environment(variables)
    settings = Settings(
        listen_address=environment.text("LISTEN_ADDRESS"),
        port=int(environment.number("PORT", 1, 65_535)),
        postgres_dsn=environment.text("POSTGRES_DSN"),
        redis_url=environment.text("REDIS_URL"),
        encryption_key=environment.text("ENCRYPTION_KEY"),
        login_secret=environment.text("LOGIN_SECRET"),
        token_key=environment.text("TOKEN_KEY"),
        session_ttl_s=int(environment.number("SESSION_TTL_S", 1, 604_800)),
        state_ttl_s=int(environment.number("STATE_TTL_S", 1, 604_800)),
        pool_size_max=int(environment.number("POOL_SIZE_MAX", 1, 1000)),
        pool_waiting_max=int(environment.number("POOL_WAITING_MAX", 1, 100_000)),
        pool_wait_s=environment.number("POOL_WAIT_S", 0.01, 60.0),
        postgres_timeout_s=environment.number("POSTGRES_TIMEOUT_S", 0.01, 60.0),
        redis_timeout_s=environment.number("REDIS_TIMEOUT_S", 0.01, 60.0),
        retry_after_s=int(environment.number("RETRY_AFTER_S", 1, 3600)),
        log_level=environment.log_level(),
    )
    environment.check()
    return settings
