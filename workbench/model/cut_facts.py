"""What a prediction of a broker's cut knows and draws beside what every broker's loss does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workbench.fault import CUTS
from workbench.model import broker_links, cut_off
from workbench.model.parameter import Parameter, Source, prior, triangular, uniform
from workbench.units import seconds_from_ms

if TYPE_CHECKING:  # a prediction's subprocesses import this package: they need neither YAML nor pydantic
    from workbench.scenario.drill_scenario import Scenario
    from workbench.topology.hub import HubTopology

# Kafka 3.7.1, documentation "Broker Configs": each one's default (ms).
_STATED: Final = {
    "replica_socket_timeout_s": ("replica.socket.timeout.ms", 30_000.0),
    "connection_setup_s": ("socket.connection.setup.timeout.ms", 10_000.0),
}


def cut_network(scenario: Scenario, topology: HubTopology) -> dict[str, Parameter]:
    """Return how long the cut lasts and what decides when each side hears of the other again; none for other faults."""
    fault = scenario.faults[0]
    if fault.type not in CUTS:
        return {}
    kafka = "Kafka 3.7.1 NetworkClient"
    rows = {
        "cut_s": Parameter(fault.for_s, "s", Source.SCENARIO, f"{scenario.path.name} faults[0].for_s"),
        "tcp_first_resend_s": prior(
            triangular(0.2, 0.205, 0.23),
            "s",
            "Linux tcp_rto_min 200 ms, and what response times add; RFC 6298; measured once: 0.217 s",
            "what is not acknowledged on an open connection is sent again after it, then after twice as long ..",
        ),
    }
    for name, (key, default_ms) in _STATED.items():
        stated_ms = topology.kafka.config.get(key)
        value_s = seconds_from_ms(default_ms if stated_ms is None else float(stated_ms))
        rows[name] = Parameter(value_s, "s", Source.MANIFEST, f"spec.kafka.config {key}, else Kafka's default")
    for turn in range(cut_off.ATTEMPTS):
        rows[f"zookeeper_cut_wait_{turn}"] = prior(
            uniform(1.1, 2.1),
            "s",
            "ZooKeeper 3.8.4 ClientCnxnSocketNIO.cleanup 0.1 s, HostProvider.next 1 s where there is one address, "
            "ClientCnxn.SendThread.startConnect up to 1 s; measured in its log: 1.4 to 2.0 s",
            "from an attempt's end to the next",
        )
    for fetcher in broker_links.fetchers(len(topology.kafka.broker_ids)):
        rows[f"cut_fetch_wait_{fetcher}"] = prior(
            uniform(0.0, 1.5),
            "s",
            f"{kafka} request.timeout.ms of the last fetch, then replica.fetch.backoff.ms 1000",
            "from replica.socket.timeout.ms to the fetcher's first attempt to connect again",
        )
        rows[f"cut_setup_jitter_{fetcher}"] = prior(
            uniform(0.8, 1.2), "", f"{kafka} ClusterConnectionStates: 20 % of jitter", "on connection_setup_s"
        )
    return rows
