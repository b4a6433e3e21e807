"""Parameters of a ZooKeeper server that goes silent with the broker: when the others give it up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.model.parameter import Parameter, Source, uniform

if TYPE_CHECKING:  # a prediction's subprocesses import this module: they need no YAML
    from workbench.topology.hub import HubTopology


def silent_ensemble(topology: HubTopology) -> dict[str, Parameter]:
    """Return after how long of silence a ZooKeeper server gives another up."""
    ensemble = topology.zookeeper
    return {
        "zookeeper_sync_limit_s": Parameter(
            ensemble.sync_limit_ticks * ensemble.tick_time_s, "s", Source.MANIFEST, "spec.zookeeper.config syncLimit"
        ),
        "zookeeper_leader_ping_age_s": Parameter(
            uniform(0.0, ensemble.tick_time_s / 2.0),
            "s",
            Source.MANIFEST,
            "ZooKeeper 3.8.4 Leader.lead: a ping to every follower each half tick",
            "age of the last one when the leader goes silent",
        ),
    }
