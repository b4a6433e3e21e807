"""Where each of a hub's Kafka and ZooKeeper servers answers, and how a client proves who it is."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

LOOPBACK: Final = "127.0.0.1"
CA: Final = "ssl.ca.location"  # librdkafka's names of a client's settings (CONFIGURATION.md)
CERTIFICATE: Final = "ssl.certificate.location"
KEY: Final = "ssl.key.location"


@dataclass(frozen=True)
class Address:
    """A server's door."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class KafkaAddresses:
    """Every server by its id."""

    brokers: Mapping[int, Address]
    zookeepers: Mapping[int, Address]
    controllers: Mapping[int, Address] = field(default_factory=dict)  # only in KRaft mode
    security: Mapping[str, str] = field(default_factory=dict)  # librdkafka's settings; none: plain text

    @property
    def bootstrap(self) -> str:
        """Return the brokers' addresses as clients take them."""
        return ",".join(map(str, self.brokers.values()))

    @property
    def zookeeper_connect(self) -> str:
        """Return the ZooKeeper servers' addresses as clients take them."""
        return ",".join(map(str, self.zookeepers.values()))

    def tls(self) -> ssl.SSLContext | None:
        """Return what a connection to a broker is wrapped in; None for plain text."""
        if not self.security:
            return None
        context = ssl.create_default_context(cafile=self.security[CA])
        context.load_cert_chain(self.security[CERTIFICATE], self.security[KEY])
        return context


def on_loopback(ports: Mapping[int, int]) -> dict[int, Address]:
    """Return this machine's own addresses of some ports."""
    return {each: Address(LOOPBACK, port) for each, port in ports.items()}
