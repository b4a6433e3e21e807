"""Kafka clients of the load and of the processors: when each knows the leaders that replaced the victim.

librdkafka: while a partition's broker is down, the client's one-second timer asks for the topic's metadata
again (rd_kafka_1s_tmr_cb, rd_kafka_topic_scan_all). Until the controller has moved the leader the answer is
the dead broker, so each client finds the new one at its own timer's next tick. In KRaft mode the first answer with the
new leaders is also the first without the fenced broker: the client takes that out of service
(rd_kafka_metadata_decommission_unavailable_brokers), whose thread forgets its partitions' leaders. Where it does so
just after the new ones were noted (rd_kafka_toppar_forget_leader), they are asked for once more a tick later
(librdkafka 2.16; two threads race: seen in three of four kills, in one of them in the client's own log, and in none of
four drills' later).

With ZooKeeper and acks below all it takes each client 0.25 to 0.9 s more, for which we know no reason. With acks=all
all of them were seen to go on within 0.2 s of the change, sooner than their timers: a broker serves one request of a
connection at a time, so what they had asked waited behind a write, and was answered by the change (supposed).

A broker that is stopped properly still answers NOT_LEADER_OR_FOLLOWER, and the client asks at once and then after its
retry back-off. A frozen broker's socket stays open, so its clients wait for its answer: the same one, once it has
thawed and heard from the controller. So do those of a broker that is cut off from ZooKeeper: it answers as before, and
nobody replicates what it appends (seen on a cluster: no write to what it led from its session's end to the cut's). Cut
off from its clients as well, it hears of them when their TCP sends once more what was not acknowledged (tcp.py).

A client gives a silent broker up when a request has had no answer for as long as its library allows
(client_library.py): it hangs up, asks another broker for the metadata at once, and sends to the new leaders what it had
kept. Producers that were started together look at nearly the same moment of each second (measured, once: 0.58, 0.67 and
0.80 s).

Left out: reconnection attempts to the dead broker (they change nothing until metadata does), offset commits
and heartbeats to a dead group coordinator (asynchronous; no rebalance below the group's 45 s session), and
message.timeout.ms (300 s).
"""

from __future__ import annotations

from typing import Final

from workbench.fault import CUTS, FaultType
from workbench.model.client_library import fetcher_moves_s, producer_moves_s
from workbench.model.tcp import heard_again_s
from workbench.model.world import Steps, World, next_on_grid

SPREAD: Final = 0.1  # of TCP's time-outs: a client's own response times decide
SILENT: Final = (FaultType.BROKER_FREEZE, FaultType.NODE_POWER_OFF, FaultType.CUT_FROM_ALL)  # to its clients


def client(world: World, name: str) -> Steps:
    """Learn the new leaders and note when the first request to one of them can go out."""
    draws = world.draws
    phase, fetches = draws[f"client_phase_{name}"], name in world.setting.consumers
    yield world.leaders_moved
    yield world.env.timeout(draws["metadata_update_s"])
    if world.setting.fault is FaultType.BROKER_KILL:
        scan_s = draws["client_scan_s"]
        yield world.until(next_on_grid(float(world.env.now), scan_s, phase * scan_s))
        yield world.env.timeout(draws.get(f"client_handover_{name}", 0.0))
        if world.setting.kraft:
            yield world.env.timeout(scan_s * draws["client_forgets"])
    elif world.setting.fault in SILENT:
        gives_up = world.until(fetcher_moves_s(draws, phase) if fetches else _producer_moves_s(world))
        if world.setting.fault is FaultType.NODE_POWER_OFF:  # nobody is told, and it stays away for longer
            yield gives_up
        else:
            yield world.env.process(_told(world, phase)) | gives_up
    else:
        yield from _told(world, phase)
    yield world.env.timeout(draws["metadata_round_s"])
    world.known_s[name] = float(world.env.now)


def _told(world: World, phase: float) -> Steps:
    """Wait until the victim itself says that it leads no more, at once where it is stopped, and ask who does."""
    if world.setting.fault in (FaultType.BROKER_FREEZE, *CUTS):
        yield world.thawed
    if world.setting.fault is FaultType.CUT_FROM_ALL:
        yield world.until(
            heard_again_s(world.setting.cut_s, world.draws["tcp_first_resend_s"] * (1.0 + SPREAD * phase))
        )
    yield world.env.timeout(world.draws["client_retry_s"] * phase)


def _producer_moves_s(world: World) -> float:
    """Return when producers go on with another broker: all look at one moment, each processor at its own."""
    return producer_moves_s(world.draws, world.draws[f"client_phase_{world.setting.producers[0]}"])
