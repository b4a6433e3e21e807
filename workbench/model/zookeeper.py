"""The death of one ZooKeeper server: who leads, when the brokers' sessions are connected again, when all servers serve.

A follower's death costs only the clients connected to it their connection. A leader's costs everybody's: the followers
see its sockets close, stop serving and elect (FastLeaderElection waits 0.2 s for better votes, then the new leader and
its follower synchronise). A client that lost its connection sleeps up to 1 s before each attempt, goes through the
servers in its own order, and sleeps 1 s more each time it is through (ClientCnxn.SendThread.startConnect,
StaticHostProvider.next). Its session goes on meanwhile: a new leader starts every session's time-out afresh.

Left out: a quorum that is lost for longer (a second server down), sessions that expire before their broker is back, and
what Kafka's controller waits for meanwhile: writes, reads and full in-sync sets need nothing of ZooKeeper.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import simpy

from workbench.metrics.catalogue import POLL_S
from workbench.metrics.tables import NAN, after_fault
from workbench.model.outcome import Course, kafka_goes_on, polled_s
from workbench.model.restarted import beside_the_load_s, first_restart_s
from workbench.model.stated import ZOOKEEPER_WAITS
from workbench.model.world import HORIZON_S, Setting, Steps

SPIN_S: Final = 1.0  # ZooKeeper 3.8.4 ClientCnxn.SendThread.run: hostProvider.next(1000)
ATTEMPTS_MAX: Final = 4000  # beyond the horizon


class _Ensemble:
    """One replication: when there is a leader, when the dead server serves, when each session is back (s)."""

    def __init__(self, setting: Setting, draws: Mapping[str, float]) -> None:
        self.setting = setting
        self.draws = draws
        self.env = simpy.Environment()
        self.leads = self.env.event()
        self.whole = self.env.event()
        self.started_s = NAN
        self.whole_s = NAN
        self.leads_s = NAN
        self.sessions_s: list[float] = []

    def serves(self, server: int) -> bool:
        """Tell whether a server takes a client's connection now."""
        return self.whole.triggered if server == self.setting.victim_zookeeper else self.leads.triggered


def play(setting: Setting, draws: Mapping[str, float]) -> Course:
    """Return one replication's course."""
    ensemble = _Ensemble(setting, draws)
    ensemble.env.process(_election(ensemble))
    ensemble.env.process(_server(ensemble))
    for broker, server in setting.zookeeper_of_broker.items():
        if setting.victim_leads_zookeeper or server == setting.victim_zookeeper:
            ensemble.env.process(_session(ensemble, broker, server))
    ensemble.env.run(until=HORIZON_S)
    phase_s = draws["poll_stores_phase_s"]
    leads_s = polled_s(ensemble.leads_s, POLL_S, phase_s)
    moments = after_fault(
        zookeeper_leads_s=leads_s,
        zookeeper_started_s=ensemble.started_s,
        zookeeper_whole_s=polled_s(ensemble.whole_s, POLL_S, phase_s),
        broker_sessions_s=polled_s(max(ensemble.sessions_s, default=ensemble.leads_s), POLL_S, phase_s),
    )
    awaited_s = (leads_s, moments.zookeeper_whole_s, moments.broker_sessions_s)
    return Course(moments, kafka_goes_on(setting), 0.0, awaited_s)


def _election(ensemble: _Ensemble) -> Steps:
    """Elect a new leader if the dead server was it."""
    elects_s = ensemble.draws["zookeeper_election_s"] if ensemble.setting.victim_leads_zookeeper else 0.0
    yield ensemble.env.timeout(elects_s)
    ensemble.leads_s = float(ensemble.env.now)
    ensemble.leads.succeed()


def _server(ensemble: _Ensemble) -> Steps:
    """Start the dead server again, beside the load that goes on; it joins whoever leads."""
    draws = ensemble.draws
    yield ensemble.env.timeout(first_restart_s(draws))
    ensemble.started_s = float(ensemble.env.now)
    yield ensemble.env.timeout(start_takes_s(draws))
    yield ensemble.leads
    ensemble.whole_s = float(ensemble.env.now)
    ensemble.whole.succeed()


def start_takes_s(draws: Mapping[str, float]) -> float:
    """Return how long a server takes from its process's start to serving, beside the load that goes on."""
    return beside_the_load_s(draws, draws["zookeeper_start_s"], draws["zookeeper_start_parallel"])


def _session(ensemble: _Ensemble, broker: int, home: int) -> Steps:
    """Go through the servers, asleep before each attempt, until one of them serves."""
    draws, count = ensemble.draws, ensemble.setting.zookeeper_servers
    step = 1 if draws[f"zookeeper_order_{broker}"] < 0.5 else -1
    for attempt in range(ATTEMPTS_MAX):
        server = (home - 1 + step * (attempt + 1)) % count + 1  # their ids are 1, 2 ..
        spin_s = SPIN_S if server == home else 0.0
        yield ensemble.env.timeout(spin_s + draws[f"zookeeper_wait_{broker}_{attempt % ZOOKEEPER_WAITS}"])
        if ensemble.serves(server):
            break
    yield ensemble.env.timeout(draws["zookeeper_connect_s"])
    ensemble.sessions_s.append(float(ensemble.env.now))
