"""By how much the times after a recovery differ from the model's: its discrepancy (Kennedy and O'Hagan 2001).

A drill's own baseline tells the times before the fault to a few percent, the median acknowledgement to one: requests
that share a batch's linger are taken for quick answers. Some ten seconds after the recovery the same
percentiles are others, up to four times as long, and not only where a server has just started: the disk's write-back
and what the host takes come in spells of seconds, and a short stretch holds one or does not. No part of the model
knows of them. What was observed over what was predicted is therefore drawn: one disturbance a replication, lognormal,
which moves a p99 more than a median.

Where a fault silences no partition, acknowledgements meanwhile and the longest silence of all, a maximum over the same
spells, are drawn likewise; where it keeps no row away, so is the highest backlog. So are readers' times while Redis is
away and fills: every miss computes on the cores that the hub's own surge uses then.

Left out: that a fault with more to catch up may disturb more; spells while the fault lasts, whose times are those of
the outage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workbench.model.parameter import Parameter, lognormal, prior

_MEASURED: Final = "measured: 123 drills of 22 scenarios until 2026-11-29, reports/reference, each scenario one weight"


@dataclass(frozen=True)
class Factor:
    """Observed over predicted: its median, and the standard deviation of its logarithm (90 % range over 3.29)."""

    median: float
    sigma: float


FACTORS: Final[Mapping[str, Factor]] = {  # _MEASURED; rows' less what they were too short by before the fault, too
    "ack_after_s_p50": Factor(0.97, 0.24),
    "ack_after_s_p95": Factor(1.19, 0.59),
    "ack_after_s_p99": Factor(1.23, 0.68),
    "commit_after_s_p50": Factor(1.0, 0.20),
    "commit_after_s_p95": Factor(1.1, 0.41),
    "commit_after_s_p99": Factor(1.18, 0.51),
    "ack_steady_s_p50": Factor(1.01, 0.006),  # measured: 61 drills until 2026-11-30; explained: 1.004 to 1.01
    # Five drills of redis-loss-cold-cache until 2026-11-30: 0.7 to 1.2, 0.7 to 3.4 and 0.8 to 4.1 times.
    "read_during_s_p50": Factor(0.9, 0.3),
    "read_during_s_p95": Factor(1.66, 0.6),
    "read_during_s_p99": Factor(2.3, 0.66),
}
GAP_MAX_S: Final = 1.0  # what takes longer, or is silent for longer, is the fault's own doing
GAP_FACTORS: Final[Mapping[str, Factor]] = {  # measured: the 28 of them whose fault silenced no partition, 10 no row
    "ack_during_s_p50": FACTORS["ack_after_s_p50"],
    "ack_during_s_p95": FACTORS["ack_after_s_p95"],
    "ack_during_s_p99": FACTORS["ack_after_s_p99"],
    "kafka_unavailable_s": Factor(1.2, 0.45),
    "kafka_unavailable_s_least": Factor(0.95, 0.45),
    "pipeline_unavailable_s": Factor(1.35, 0.27),
}
# Measured: nine drills of redis-loss, redis-loss-cold-cache and zookeeper-leader-loss, 1.0 to 2.6 times.
BACKLOG_FACTOR: Final = Factor(1.65, 0.35)
FITTED_TO: Final = frozenset(  # the scenarios of _MEASURED: what is known of them is part of a prior
    [
        "broker-disk-full",
        "broker-freeze",
        "broker-freeze-90s",
        "broker-freeze-kraft",
        "broker-loss",
        "broker-loss-acks-0",
        "broker-loss-acks-1",
        "broker-loss-controller",
        "broker-loss-drain",
        "broker-loss-kraft",
        "broker-loss-session-30s",
        "broker-loss-session-6s",
        "broker-stop",
        "broker-stop-kraft",
        "controller-loss-kraft",
        "node-freeze",
        "node-processes-kill",
        "postgres-backend-kill",
        "postgres-failover-lagging",
        "postgres-primary-loss",
        "processor-loss",
        "processor-loss-session-10s",
        "quorum-and-broker-loss",
        "redis-loss",
        "redis-loss-cold-cache",
        "two-brokers-loss",
        "zookeeper-follower-loss",
        "zookeeper-leader-loss",
    ]
)
PRIORS: Final[Mapping[str, Parameter]] = {
    "after_disturbance": prior(
        lognormal(1.0, 1.0),
        "",
        _MEASURED,
        "of the stretch after the recovery: each percentile has its own power of it (workbench.model.discrepancy)",
    ),
}


def disturbed(metrics: Mapping[str, float], disturbance: float) -> dict[str, float]:
    """Return a replication's metrics, those that no part of the model makes as such a disturbance leaves them."""
    gaps = {name: each for name, each in GAP_FACTORS.items() if metrics.get(name, GAP_MAX_S) < GAP_MAX_S}
    if metrics.get("pipeline_unavailable_s", GAP_MAX_S) < GAP_MAX_S:
        gaps["pipeline_backlog_events_max"] = BACKLOG_FACTOR
    factors = {name: each.median * disturbance**each.sigma for name, each in {**FACTORS, **gaps}.items()}
    return {name: value * factors.get(name, 1.0) for name, value in metrics.items()}
