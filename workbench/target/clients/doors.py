"""Whether the hub's doors beside Kafka's answer: Postgres for writes, its standbys, Redis, the hub's applications."""

from __future__ import annotations

import contextlib
import http.client
import threading
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
import redis as redis_client
from redis.backoff import NoBackoff
from redis.retry import Retry

from workbench.target.clients.addresses import Address
from workbench.target.port import Endpoints

CONNECT_TIMEOUT_S: Final = 2  # the least that libpq knows; a dead server refuses at once
STATEMENT_TIMEOUT_MS: Final = 1000
REDIS_TIMEOUT_S: Final = 1.0
HTTP_TIMEOUT_S: Final = 2.0
PRIMARY: Final = "SELECT host(inet_server_addr()), inet_server_port() WHERE NOT pg_is_in_recovery()"


class Doors:
    """Asks over kept connections, opened anew when one broke. Threads may share it; no answer is a plain no."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._lock = threading.Lock()
        self._postgres: psycopg.Connection[Any] | None = None
        self._redis: redis_client.Redis = redis_client.Redis.from_url(
            endpoints.redis_url,
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )

    def close(self) -> None:
        """Close every connection; the next question opens new ones."""
        with self._lock:
            self._drop_postgres()
            self._redis.close()

    def standbys(self) -> int | None:
        """Return how many standbys are connected to a primary that takes writes; None when there is none."""
        with self._lock:
            try:
                if self._postgres is None:
                    self._postgres = self._connect()
                row = self._postgres.execute(
                    "SELECT pg_is_in_recovery(), (SELECT count(*) FROM pg_stat_replication)"
                ).fetchone()
            except psycopg.Error:
                self._drop_postgres()
                return None
        return None if row is None or row[0] else int(row[1])

    def primary(self) -> Address | None:
        """Return the instance that takes writes, as it knows its own address; None when there is none."""
        with self._lock:
            try:
                if self._postgres is None:
                    self._postgres = self._connect()
                row = self._postgres.execute(PRIMARY).fetchone()
            except psycopg.Error:
                self._drop_postgres()
                return None
        return None if row is None else Address(str(row[0]), int(row[1]))

    def redis_answers(self) -> bool:
        """Tell whether Redis answers and has its data loaded."""
        with self._lock:
            try:
                return bool(self._redis.ping())
            except redis_client.RedisError:
                return False

    def unready_processors(self) -> list[str]:
        """Return the event processors that do not hold partitions and a connection to Postgres now."""
        urls = enumerate(self._endpoints.processor_metrics)
        return [f"event-processor-{index}" for index, url in urls if not _processor_ready(url)]

    def unready_gateways(self) -> list[str]:
        """Return the gateways that do not call themselves ready now."""
        urls = enumerate(self._endpoints.gateway_urls)
        return [f"gateway-{index}" for index, url in urls if _get(f"{url}/readyz") is None]

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            self._endpoints.postgres_dsn,
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_S,
            options=f"-c statement_timeout={STATEMENT_TIMEOUT_MS}",
            application_name="workbench",
        )

    def _drop_postgres(self) -> None:
        if self._postgres is not None:
            with contextlib.suppress(psycopg.Error):
                self._postgres.close()
            self._postgres = None


def _processor_ready(metrics_url: str) -> bool:
    """Tell whether an event processor's own metrics say that it is ready, as its readiness probe asks."""
    lines = (_get(metrics_url) or "").splitlines()
    return any(line.startswith("hub_processor_ready ") and float(line.split()[1]) == 1.0 for line in lines)


def _get(url: str) -> str | None:
    """Return what an application answers at a loopback address; None for no answer or another status than 200."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=HTTP_TIMEOUT_S)
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        text = answer.read().decode()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return text if answer.status == http.client.OK else None
