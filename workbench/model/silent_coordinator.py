"""A frozen broker that coordinates the processors' group: they give it up, and wait for the members that they were.

A processor that has heard nothing of its coordinator for session.timeout.ms takes itself for expelled, gives its
partitions up and joins anew as another member (librdkafka rdkafka_cgrp.c rd_kafka_cgrp_session_timeout_check). By then
another broker coordinates the group, since the partition of its offsets is led there, and has given every member that
it read a whole session from then on (Kafka 3.7.1 GroupCoordinator.onGroupLoaded). Those members are the processors
themselves, who never speak in those names again: the rebalance waits until their sessions have run out. Measured,
once, no load: given up after 43.1 s and whole after 61.1 s, some 45 s after others led.

Offsets that were committed meanwhile went to the silent broker, so everything since the freeze is read again, and found
to be there: that takes the processors a while more.

Left out: a freeze that ends before all of that, for which a drill is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np

from workbench.engine import Outage
from workbench.fault import SILENCES
from workbench.model.outcome import turns
from workbench.model.parameter import Parameter, prior, triangular, uniform
from workbench.model.world import World

if TYPE_CHECKING:  # a prediction's subprocesses import this package: they need neither YAML nor pydantic
    from workbench.scenario.drill_scenario import Scenario

TAKEN_OVER_S: Final = 3.0  # with room, from the last expiry until the processors have partitions again


def silent_coordinator(scenario: Scenario, rows: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Return what a prediction draws beside what every freeze does; none where the group keeps its coordinator."""
    fault = scenario.faults[0]
    outlasts = fault.for_s >= float(rows["group_session_s"].value)
    if fault.type not in SILENCES or not rows["victim_coordinates"].value or not outlasts:
        return {}
    return {
        "coordinator_heard_s": prior(
            uniform(0.0, 3.0), "s", "librdkafka heartbeat.interval.ms", "age of its last answer to a heartbeat"
        ),
        "group_takeover_s": prior(
            triangular(0.02, 0.1, 0.5), "s", "Kafka 3.7.1 GroupMetadataManager: offsets read", "from leading to serving"
        ),
        "group_again_s": prior(
            triangular(0.02, 0.15, 1.0), "s", "JoinGroup, SyncGroup, OffsetFetch", "from the last expiry to records"
        ),
        "fetch_ring_share": prior(uniform(0.0, 1.0), "", "of a consumer's ring of partitions, where it goes on"),
    }


def group_outage(world: World) -> Outage | None:
    """Return when the processors stop and go on, None where they do neither."""
    setting, draws = world.setting, world.draws
    if "coordinator_heard_s" not in draws:
        return None
    count = len(setting.consumers)
    stops_s = setting.group_session_s - draws["coordinator_heard_s"]
    expired_s = world.moments["leaders_moved"] + draws["group_takeover_s"] + setting.group_session_s
    others = np.mean([leader != setting.victim for leader in setting.leaders])
    drains = draws["drain_per_silent_s"]  # arrivals to what is left of the capacity
    again_s = stops_s * float(others) * drains / (1.0 + drains)
    resumes_s = expired_s + draws["group_again_s"] + again_s
    return Outage(
        np.full(count, stops_s),
        np.zeros(count, np.bool_),
        np.full(count, resumes_s),
        np.array(setting.processors_of_partition, dtype=np.int64),
        turns(setting, draws["fetch_ring_share"]),
    )
