"""A broker that the network cuts off from the other brokers, and from nobody else, for a while.

Its ZooKeeper session lives, so nobody is given up and no leader moves (Kafka 3.7.1: the controller looks at sessions
alone). What the broker leads its followers cannot fetch, so with acks=all nothing of it is acknowledged. What it
follows waits for it as well: a leader drops a follower that has not caught up for replica.lag.time.max.ms, looked at
every half of that (ReplicaManager isr-expiration), but it counts as caught up where nothing was appended since
(Replica.isCaughtUp). A broker serves a connection's requests one after another, so of each client the one request
that it serves is all that is appended, and the next look frees one partition more of each connection. Seen on a
cluster: of 24 partitions two were free after 37 s, four after 52 s; all others waited for the end. Where the broker
is the controller not even these are: their leaders cannot tell it.

Fetchers give a silent leader up after replica.socket.timeout.ms and connect again, with time-outs that double
(socket.connection.setup.timeout.ms). The first word of such an attempt after the cut ends it for that pair of brokers.

Left out: which partitions are freed early beside each connection's first; clients' own time-outs (socket.timeout.ms 60
s: longer cuts are refused), duplicates of requests that the broker gives up after request.timeout.ms (30 s) and
clients send again; offset commits, which wait as other writes do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from workbench.engine import NEVER, Disturbance
from workbench.metrics.catalogue import POLL_S
from workbench.metrics.tables import FloatArray, after_fault
from workbench.model.controller import own_look_s
from workbench.model.outcome import Course, connections, polled_s
from workbench.model.pace import pace_of_outage
from workbench.model.tcp import Attempt, connected_again_s, heard_again_s
from workbench.model.world import Setting

SETUP_LONGEST_S: Final = 30.0  # Kafka 3.7.1 socket.connection.setup.timeout.max.ms
ATTEMPTS: Final = 8  # beyond the longest cut
TO, FROM = "to_", "from_"


def play(setting: Setting, draws: Mapping[str, float]) -> Course:
    """Return one replication's course."""
    others = [broker for broker in setting.brokers if broker != setting.victim]
    again_s = {name: fetches_again_s(setting.cut_s, draws, name) for name in fetchers(len(setting.brokers))}
    followers_s = max(t_s for name, t_s in again_s.items() if name.startswith(TO))
    follows_s = {broker: again_s[f"{FROM}{place}"] for place, broker in enumerate(others)}
    back_s = np.array([follows_s.get(leader, followers_s) for leader in setting.leaders])
    replicated = np.array(setting.replication_factors) > 1
    back_s = np.where(replicated, back_s, NEVER)
    clients = len(setting.producers)
    disturbance = Disturbance(
        begins_s=np.zeros(len(back_s)),
        held_until_s=np.tile(back_s, (clients, 1)),
        connection=connections(setting, setting.leaders),
        head_until_s=np.tile(_heads_s(setting, draws, back_s), (clients, 1)),
        visible_from_s=np.full(len(back_s), NEVER),
        fetchable_from_s=np.full(len(back_s), NEVER),
        tail_from_s=np.full(len(back_s), np.inf),
        processor=np.array(setting.processors_of_partition, dtype=np.int64),
        pace=pace_of_outage(draws, len(setting.consumers), 0.0, float(back_s.max())),
    )
    whole_s = max(float(back_s.max()), setting.cut_s)
    if min(own_look_s(setting, draws, broker) for broker in setting.brokers) < whole_s:  # some set is smaller by then
        whole_s += draws["isr_rejoin_waits_share"] * draws["isr_rejoin_s"]
    moments = after_fault(isr_full_s=polled_s(whole_s, POLL_S, draws["poll_partitions_phase_s"]))
    return Course(moments, disturbance, float(back_s.max()), (moments.isr_full_s,))


def fetchers(brokers: int) -> list[str]:
    """Return the names of the fetchers that a cut silences: every other broker's to the victim, its own from each."""
    return [f"{side}{place}" for side in (TO, FROM) for place in range(brokers - 1)]


def fetches_again_s(cut_s: float, draws: Mapping[str, float], fetcher: str) -> float:
    """Return when a fetcher has its leader's answer again (s after the cut began)."""
    gives_up_s = draws["replica_socket_timeout_s"]
    if cut_s < gives_up_s:
        return min(heard_again_s(cut_s, draws["tcp_first_resend_s"]), gives_up_s + draws["replica_fetch_backoff_s"])
    return connected_again_s(cut_s, attempts(draws, fetcher)) + draws["metadata_round_s"]


def attempts(draws: Mapping[str, float], fetcher: str) -> Iterator[Attempt]:
    """Yield from when until when (s) each attempt of a fetcher to connect lasts."""
    begins_s = draws["replica_socket_timeout_s"] + draws[f"cut_fetch_wait_{fetcher}"]
    lasts_s = draws["connection_setup_s"]
    for _ in range(ATTEMPTS):
        jittered_s = lasts_s * draws[f"cut_setup_jitter_{fetcher}"]
        yield begins_s, begins_s + jittered_s
        begins_s += jittered_s + draws["replica_fetch_backoff_s"]
        lasts_s = min(2.0 * lasts_s, SETUP_LONGEST_S)


def _heads_s(setting: Setting, draws: Mapping[str, float], back_s: FloatArray) -> FloatArray:
    """Return when the one request of a connection that its leader had begun is answered, by partition."""
    if setting.victim_is_controller:
        return back_s
    looks_s = {broker: own_look_s(setting, draws, broker) for broker in setting.brokers if broker != setting.victim}
    return np.minimum([looks_s.get(leader, np.inf) for leader in setting.leaders], back_s)
