"""The processor's own metrics, served as Prometheus text."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server


class Metrics:
    """Counters and gauges of one processor. Counters of seconds are sums over batches."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events = self._counter("events", "Records whose batch is in Postgres", ["topic"])
        self.duplicates = self._counter("duplicates", "Records whose row was there already")
        self.malformed = self._counter("malformed", "Records that are no event, kept in dead_letters")
        self.batches = self._counter("batches", "Database transactions committed")
        self.batch_database_seconds = self._counter("batch_database_seconds", "Time in committed transactions, s")
        self.batch_seconds = self._counter("batch_seconds", "Time of whole batches, without waiting for records, s")
        self.reconnects = self._counter("reconnects", "Connections to Postgres or Redis that were made again")
        self.assigned_partitions = self._gauge("assigned_partitions", "Partitions this member reads")
        self.consumer_lag_records = self._gauge("consumer_lag_records", "High watermark less written, all partitions")
        self.state_pending = self._gauge("state_pending", "Devices' states that Redis has yet to take")
        self.ready = self._gauge("ready", "1 once partitions are assigned and Postgres is connected")

    def serve(self, address: str, port: int) -> None:
        """Serve on address:port. Raises OSError when the port is taken."""
        start_http_server(port, addr=address, registry=self.registry)

    def topic_events(self, topic: str, count: int) -> None:
        """Count `count` records of one topic."""
        self.events.labels(topic=topic).inc(count)

    def _counter(self, name: str, meaning: str, labels: list[str] | None = None) -> Counter:
        return Counter(f"hub_processor_{name}", meaning, labels or [], registry=self.registry)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(f"hub_processor_{name}", meaning, registry=self.registry)
