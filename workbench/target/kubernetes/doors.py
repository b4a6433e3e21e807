"""The hub's doors on a cluster: Services' names, and the certificates and passwords of its Secrets."""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from workbench.errors import BadInput, ToolFailed
from workbench.target.clients.addresses import CA, CERTIFICATE, KEY, Address, KafkaAddresses
from workbench.target.kubernetes.api import Api, api_failures
from workbench.target.kubernetes.pods import METRICS_PORT, HubPod
from workbench.target.port import Endpoints
from workbench.topology.hub import HubTopology

CLIENT_PORT: Final = 9093  # Strimzi's TLS listener
ZOOKEEPER_PORT: Final = 2181
WRITER: Final = "event-source"  # the KafkaUser that brings events in
READER: Final = "cluster-operator"  # may ask and read everything
CERTIFICATES: Final = {CA: "ca.crt", CERTIFICATE: "user.crt", KEY: "user.key"}  # of a KafkaUser's Secret


class Secrets:
    """Reads the Secrets of one namespace. Raises ToolFailed for one that is not there."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    def value(self, name: str, key: str) -> bytes:
        """Return one value of a Secret."""
        with api_failures(f"Secret {name} could not be read"):
            data = self._api.core.read_namespaced_secret(name, self._namespace).data or {}
        if key not in data:
            raise ToolFailed(f"Secret {name} has no {key}")
        return base64.b64decode(data[key])

    def certificates(self, user: str, folder: Path) -> dict[str, str]:
        """Write a Kafka user's certificate into a folder of its own; return librdkafka's settings for it."""
        home = folder / user
        home.mkdir(mode=0o700, exist_ok=True)
        security = {"security.protocol": "ssl"}
        for setting, key in CERTIFICATES.items():
            path = home / key
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(self.value(user, key))
            security[setting] = str(path)
        return security


def kafka_addresses(topology: HubTopology, security: dict[str, str]) -> KafkaAddresses:
    """Return where each broker and ZooKeeper server answers: the names of the headless Services."""
    kafka, namespace = topology.kafka.name, topology.namespace
    brokers, zookeepers = f"{kafka}-kafka", f"{kafka}-zookeeper"
    return KafkaAddresses(
        {
            each: Address(f"{brokers}-{each}.{brokers}-brokers.{namespace}.svc", CLIENT_PORT)
            for each in topology.kafka.broker_ids
        },
        {
            each: Address(f"{zookeepers}-{each - 1}.{zookeepers}-nodes.{namespace}.svc", ZOOKEEPER_PORT)
            for each in topology.zookeeper.server_ids
        },
        security=security,
    )


def bootstrap(topology: HubTopology) -> str:
    """Return where any broker answers: the Service that Strimzi makes for all of them."""
    return f"{topology.kafka.name}-kafka-bootstrap.{topology.namespace}.svc:{CLIENT_PORT}"


def endpoints(topology: HubTopology, pods: Sequence[HubPod], secrets: Secrets, folder: Path) -> Endpoints:
    """Return the hub's doors; certificates are written below `folder`."""
    reader = secrets.certificates(READER, folder)
    addresses = kafka_addresses(topology, reader)
    processors, gateways = topology.processors.name, topology.gateways.name
    namespace = topology.namespace
    return Endpoints(
        kafka_bootstrap=bootstrap(topology),
        zookeeper=addresses.zookeeper_connect,
        postgres_dsn=qualified(secrets.value(processors, "postgres-dsn").decode(), namespace),
        redis_url=qualified(secrets.value(processors, "redis-url").decode(), namespace),
        processor_metrics=tuple(
            f"http://{pod.address}:{pod.ports[METRICS_PORT]}/metrics"
            for pod in pods
            if pod.name.startswith(f"{processors}-")
        ),
        gateway_urls=(f"http://{gateways}.{namespace}.svc",),
        gateway_secret=secrets.value(gateways, "login-secret").decode(),
        kafka_security=secrets.certificates(WRITER, folder),
        reader_security=reader,
    )


def check_names(host: str) -> None:
    """Raise BadInput where a name of the cluster is not known on this machine."""
    try:
        socket.getaddrinfo(host, None)
    except socket.gaierror as error:
        raise BadInput(
            f"{host} has no address here: a drill on Kubernetes runs where the cluster's names do, in a pod or, on a "
            "throwaway cluster, with `workbench cluster run -- workbench drill ...`"
        ) from error


def qualified(url: str, namespace: str) -> str:
    """Return a URL whose host is a Service's short name with the name by which other namespaces know it."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if "." in host:
        return url
    account, at, _ = parts.netloc.rpartition("@")
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"{account}{at}{host}.{namespace}.svc{port}"))
