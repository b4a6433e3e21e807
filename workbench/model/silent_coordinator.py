"""A frozen broker that coordinates the processors' group: they hear of another one at once, or give it up, and wait.

A client that is told the metadata again once the broker is no longer among them gives it up with the group's
coordinator (librdkafka 2.16 rd_kafka_metadata_decommission_unavailable_brokers), finds the new one, and keeps its
place: nothing happens to the group but what a silent member does to it. It asks when a fetch is refused for its old
leader epoch, at about the moment when the broker is taken out of the metadata, so this is chance: one or two of five
silences under load.

Else a processor that has heard nothing for session.timeout.ms takes itself for expelled and gives its partitions up
(rdkafka_cgrp.c rd_kafka_cgrp_session_timeout_check), but joins anew only when the offset commit that it has under way
was answered (rd_kafka_assignment_serve). That goes to the silent broker until the heartbeat sent last has timed out,
a session after it was sent; then both go to the new coordinator, which takes the commit, in the name of the member
that it was, for a sign of life (Kafka 3.7.1 GroupCoordinator.doCommitOffsets), and lets the rebalance wait for that
member for one more session. Seen in the client's own log: given up after 45 s, committed and joined after 48.7, and
whole after 92.1 and 92.5 s in silences of 85 and 90 s. Without load there is no commit under way, and the group was
whole after 61 s, a session after others led.

Offsets that were committed meanwhile went to the silent broker, so everything since the freeze is read again, and
found to be there: that takes the processors a while more.

Left out: processors of which some hear of the new coordinator and others do not; a freeze that ends before a session
after others lead, for which a drill is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np

from workbench.engine import Outage
from workbench.fault import SILENCES
from workbench.model.client_library import HEARTBEAT_S
from workbench.model.outcome import turns
from workbench.model.parameter import Parameter, empirical, prior, triangular, uniform
from workbench.model.world import Setting, World

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
        "coordinator_told": prior(
            empirical((0.0, 0.0, 0.0, 1.0, 1.0)),
            "",
            "librdkafka 2.16: who asks for metadata just after the broker left them; one or two of five silences",
            "1: processors hear of the new coordinator as soon as others lead, 0: they give the old one up",
        ),
        "coordinator_heard_s": prior(
            uniform(0.0, HEARTBEAT_S), "s", "librdkafka heartbeat.interval.ms", "age of its last answer to a heartbeat"
        ),
        "heartbeat_scan_s": prior(
            uniform(0.0, 1.0),
            "s",
            "librdkafka rd_kafka_broker_timeout_scan, once a second; 0.6 and 0.8 s (measured, twice)",
            "from a heartbeat's time-out to its being noticed",
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
    if "coordinator_heard_s" not in draws or draws["coordinator_told"]:
        return None
    count = len(setting.consumers)
    stops_s = setting.group_session_s - draws["coordinator_heard_s"]
    served_s = world.moments["leaders_moved"] + draws["group_takeover_s"]
    others = np.mean([leader != setting.victim for leader in setting.leaders])
    drains = draws["drain_per_silent_s"]  # arrivals to what is left of the capacity
    again_s = stops_s * float(others) * drains / (1.0 + drains)
    resumes_s = whole_again_s(setting, draws, served_s) + again_s
    return Outage(
        np.full(count, stops_s),
        np.zeros(count, np.bool_),
        np.full(count, resumes_s),
        np.array(setting.processors_of_partition, dtype=np.int64),
        turns(setting, draws["fetch_ring_share"]),
    )


def whole_again_s(setting: Setting, draws: Mapping[str, float], served_s: float) -> float:
    """Return when processors that gave it up have partitions again, from a coordinator that serves at `served_s`.

    Both in s after the fault.
    """
    stops_s = setting.group_session_s - draws["coordinator_heard_s"]
    committed_s = stops_s + HEARTBEAT_S + draws["heartbeat_scan_s"]
    return max(committed_s, served_s) + setting.group_session_s + draws["group_again_s"]
