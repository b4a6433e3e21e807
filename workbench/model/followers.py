"""Replication between the survivors after the controller's change: some followers back off.

Every change of an in-sync replica set raises the partition's leader epoch (Kafka 3.7.1 LeaderAndIsr.
newLeaderAndIsr), and two brokers never handle the controller's request at the same instant. A follower that is
first asks its leader with an epoch the leader does not know yet (UNKNOWN_LEADER_EPOCH); one whose fetch is
under way meanwhile gets FENCED_LEADER_EPOCH with a state that has moved on. Either partition is left alone for
replica.fetch.backoff.ms (AbstractFetcherThread.handlePartitionsWithErrors), and for longer where nothing is
written: the thread's next request asks for the other partitions, and the leader keeps a request it has nothing
for until replica.fetch.wait.max.ms is over (DelayedFetch). Then the follower asks again, as often as it takes
until both brokers have handled the change. An acks=all request to such a partition blocks the producer's
connection, since a broker serves one request of a connection at a time.

Left out: which partitions back off (one is enough to block a connection that writes to all), and a request that
the leader answers early because one of the other partitions is written to (acks below all).
"""

from __future__ import annotations

import math
from typing import Final

from workbench.model.world import Steps, World

EARLY_SHARE: Final = 0.5  # of the time a broker takes for the change: when the first to be done has its followers ask


def replication_from(world: World, broker: int) -> Steps:
    """Note when a surviving leader's partitions are replicated again, all of them."""
    yield world.isr_shrunk & world.leaders_moved
    if backs_off(world, broker):
        early_s = world.moments["second_change_arrives"] + EARLY_SHARE * world.draws["leader_and_isr_s"]
        round_s = max(world.draws["replica_fetch_backoff_s"], world.draws["replica_fetch_wait_s"])
        rounds = max(1, math.ceil((float(world.env.now) - early_s) / round_s))
        yield world.until(early_s + rounds * round_s)
    world.replicates_s[broker] = float(world.env.now)


def backs_off(world: World, broker: int) -> bool:
    """Tell whether a follower of this leader backs off.

    Of the survivors one is the last to handle the change: its followers were all too early. For the others it
    depends on whether a fetch was under way just then.
    """
    survivors = [each for each in world.setting.brokers if each != world.setting.victim]
    if len(survivors) < 2:
        return False
    last = survivors[min(int(world.draws["epoch_last_share"] * len(survivors)), len(survivors) - 1)]
    overlaps = world.draws["epoch_overlap_share"] < world.draws["epoch_overlap_chance"]
    return broker == last or overlaps
