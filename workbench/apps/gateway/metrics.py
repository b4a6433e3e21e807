"""The gateway's own metrics, as Prometheus text."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

# s; a decrypted row takes about a millisecond, the manifests' longest wait is the last bound but one
POSTGRES_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """Counters, one histogram and a gauge of one gateway."""

    def __init__(self, pool_in_use: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        self.requests = self._counter("requests", "Answered requests", ["route", "status"])
        self.states = self._counter(
            "states", "States looked up: hit (Redis), miss (Postgres asked), away (Redis did not answer)", ["cache"]
        )
        self.sessions = self._counter("sessions", "Log-ins: opened, refused, unavailable (Redis away)", ["outcome"])
        self.postgres_seconds = Histogram(
            "hub_gateway_postgres_seconds",
            "Reads of a device's states in Postgres that were answered, the wait for a connection included, s",
            registry=self.registry,
            buckets=POSTGRES_BUCKETS_S,
        )
        in_use = Gauge(
            "hub_gateway_pool_in_use", "Connections to Postgres in use or being made", registry=self.registry
        )
        in_use.set_function(pool_in_use)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, meaning: str, labels: list[str]) -> Counter:
        return Counter(f"hub_gateway_{name}", meaning, labels, registry=self.registry)
