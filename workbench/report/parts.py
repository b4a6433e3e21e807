"""What a page shows of a recovery, by the part of the hub that was hit: phases, milestones and large numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workbench.fault import Part


@dataclass(frozen=True)
class MilestoneOf:
    """A milestone is reached when the phases named have passed since the fault; its number is the last one's."""

    number: str
    title: str
    phases: tuple[str, ...]
    entry: str  # kind of the timeline's entry, "" for none
    reached: str  # "all leaders had moved after {}"


@dataclass(frozen=True)
class Silence:
    """What users felt first, as a metric and in words."""

    metric: str  # "For 17 s the worst partition ..."
    silent: str  # "acknowledged nothing"
    quiet: str  # what each partition was meanwhile: "silent"
    without: str  # what it went without: "an acknowledgement"


@dataclass(frozen=True)
class PartPage:
    """What is shown of one part's loss. Every name is a metric of the catalogue."""

    felt: tuple[tuple[str, str], ...]  # the large numbers: metric, words
    silence: Silence
    phases: tuple[tuple[str, str], ...]  # number on every figure, metric; "part of N" for what is within phase N
    total: str
    milestones: tuple[MilestoneOf, ...]
    parts: Mapping[str, str]  # the phases that the silence is made of -> what was done in it


_DETECT: Final = ("broker_detect_s", "leader_election_s", "client_reconnect_s")
_ACKNOWLEDGEMENTS: Final = Silence("kafka_unavailable_s", "acknowledged nothing", "silent", "an acknowledgement")
_ROWS: Final = Silence("pipeline_unavailable_s", "had no row committed", "without a row", "a committed row")
_UNACKNOWLEDGED: Final = ("kafka_unavailable_s", "no acknowledgement, worst partition")
_REDUNDANT: Final = ("isr_full_s", "until full redundancy was back")
_LOST: Final = ("acknowledged_records_lost", "acknowledged events lost")
_LATE: Final = ("events_late", "events late by over 1 s")
_ROWLESS: Final = ("pipeline_unavailable_s", "no committed row, worst partition")
_BACKLOG: Final = ("pipeline_backlog_events_max", "backlog, highest")
_BROKER_FELT: Final = (_UNACKNOWLEDGED, _LATE, _LOST, _REDUNDANT)


def _rows(number: str, *phases: str) -> MilestoneOf:
    return MilestoneOf(number, "rows in every partition", phases, "", "every partition had a row again after {}")


def _drained(number: str, *before: str) -> MilestoneOf:
    phases = (*before, "pipeline_drain_s")
    return MilestoneOf(number, "backlog drained", phases, "backlog-drained", "the backlog was gone after {}")


def _redundant(number: str) -> MilestoneOf:
    words = "every in-sync replica set was full after {}"
    return MilestoneOf(number, "in-sync replicas full", ("isr_full_s",), "isr-full", words)


def _node_page(group_whole: str, parts: Mapping[str, str], without: tuple[str, ...] = ()) -> PartPage:
    """Return the page of a node whose servers are all hit: how its processors' work goes on, phases it is `without`."""
    phases = (
        ("1", "broker_detect_s"),
        ("2", "leader_election_s"),
        ("3", "client_reconnect_s"),
        ("4", "group_rebalance_s"),
        ("5", "processor_resume_s"),
        ("6", "pipeline_drain_s"),
        ("7", "broker_down_s"),
        ("part of 7", "broker_start_s"),
        ("8", "catch_up_s"),
        ("9", "zookeeper_whole_s"),  # who keeps Kafka's metadata: the one or the other
        ("9", "controllers_whole_s"),
        ("10", "standbys_connected_s"),
    )
    held = "every partition had a processor again after {}"
    return PartPage(
        felt=(_UNACKNOWLEDGED, _ROWLESS, _LOST, _REDUNDANT),
        silence=_ROWS,
        phases=tuple(phase for phase in phases if phase[1] not in without),
        total="isr_full_s",
        milestones=(
            MilestoneOf("3", "acknowledged again", _DETECT, "", "every partition acknowledged again after {}"),
            MilestoneOf("4", group_whole, ("group_rebalance_s",), "group-whole", held),
            _rows("5", "group_rebalance_s", "processor_resume_s"),
            _drained("6", "group_rebalance_s"),
            _redundant("8"),
        ),
        parts=parts,
    )


_OF_GROUP: Final = {
    "group_rebalance_s": "Waiting for the consumer group",
    "processor_resume_s": "The way from the rebalance to the last partition's first row",
}
PAGES: Final[Mapping[Part, PartPage]] = {
    Part.BROKER: PartPage(
        felt=_BROKER_FELT,
        silence=_ACKNOWLEDGEMENTS,
        # The broker's start is a part of phase 5.
        phases=(
            ("1", "broker_detect_s"),
            ("2", "leader_election_s"),
            ("3", "client_reconnect_s"),
            ("4", "pipeline_drain_s"),
            ("5", "broker_down_s"),
            ("part of 5", "broker_start_s"),
            ("6", "catch_up_s"),
        ),
        total="isr_full_s",
        milestones=(
            MilestoneOf("2", "leaders moved", _DETECT[:2], "leaders-moved", "all leaders had moved after {}"),
            MilestoneOf("3", "acknowledged again", _DETECT, "", "every partition acknowledged again after {}"),
            _drained("4", *_DETECT),
            _redundant("6"),
        ),
        parts={
            "broker_detect_s": "Detecting the dead broker",
            "leader_election_s": "Moving the leaders",
            "client_reconnect_s": "The clients' way to the new leaders",
        },
    ),
    Part.PROCESSOR: PartPage(
        felt=(_ROWLESS, _BACKLOG, _LOST, ("group_rebalance_s", "until every partition had a processor again")),
        silence=_ROWS,
        phases=(("1", "group_rebalance_s"), ("2", "processor_resume_s"), ("3", "pipeline_drain_s")),
        total="pipeline_unavailable_s",
        milestones=(
            MilestoneOf(
                "1",
                "a processor for each partition",
                ("group_rebalance_s",),
                "group-whole",
                "every partition had a processor again after {}",
            ),
            _rows("2", "group_rebalance_s", "processor_resume_s"),
            _drained("3", "group_rebalance_s"),
        ),
        parts={
            "group_rebalance_s": "Waiting for the consumer group",
            "processor_resume_s": "The way from the rebalance to the last partition's first row",
        },
    ),
    Part.POSTGRES: PartPage(
        felt=(_ROWLESS, _BACKLOG, _LOST, ("standbys_connected_s", "until the standbys were connected")),
        silence=_ROWS,
        phases=(
            ("1", "postgres_down_s"),
            ("part of 1", "postgres_start_s"),
            ("2", "processor_reconnect_s"),
            ("3", "pipeline_drain_s"),
        ),
        total="standbys_connected_s",
        milestones=(
            MilestoneOf(
                "1", "Postgres takes writes", ("postgres_down_s",), "postgres-writes", "Postgres took writes after {}"
            ),
            _rows("2", "postgres_down_s", "processor_reconnect_s"),
            _drained("3", "postgres_down_s"),
            MilestoneOf(
                "4",
                "standbys connected",
                ("standbys_connected_s",),
                "standbys-connected",
                "the standbys were connected after {}",
            ),
        ),
        parts={
            "postgres_down_s": "Bringing Postgres back",
            "processor_reconnect_s": "The processors' way back to it",
        },
    ),
    Part.POSTGRES_FAILOVER: PartPage(
        felt=(
            _ROWLESS,
            ("rows_lost", "acknowledged rows lost"),
            _BACKLOG,
            ("standbys_connected_s", "until the lost instance was a standby again"),
        ),
        silence=_ROWS,
        phases=(
            ("1", "postgres_down_s"),
            ("part of 1", "postgres_promotion_s"),
            ("2", "processor_reconnect_s"),
            ("3", "pipeline_drain_s"),
        ),
        total="standbys_connected_s",
        milestones=(
            MilestoneOf(
                "1", "a standby took over", ("postgres_down_s",), "postgres-writes", "a standby took writes after {}"
            ),
            _rows("2", "postgres_down_s", "processor_reconnect_s"),
            _drained("3", "postgres_down_s"),
            MilestoneOf(
                "4",
                "lost instance rebuilt",
                ("standbys_connected_s",),
                "standbys-connected",
                "all standbys were connected after {}",
            ),
        ),
        parts={
            "postgres_down_s": "Waiting for the fail-over",
            "processor_reconnect_s": "The processors' way to the new primary",
        },
    ),
    Part.POSTGRES_BACKEND: PartPage(
        felt=(
            _ROWLESS,
            _BACKLOG,
            ("rows_lost", "acknowledged rows lost"),
            ("standbys_connected_s", "until the standbys were connected"),
        ),
        silence=_ROWS,
        phases=(("1", "postgres_down_s"), ("2", "processor_reconnect_s"), ("3", "pipeline_drain_s")),
        total="standbys_connected_s",
        milestones=(
            MilestoneOf(
                "1", "Postgres takes writes", ("postgres_down_s",), "postgres-writes", "Postgres took writes after {}"
            ),
            _rows("2", "postgres_down_s", "processor_reconnect_s"),
            _drained("3", "postgres_down_s"),
            MilestoneOf(
                "4",
                "standbys connected",
                ("standbys_connected_s",),
                "standbys-connected",
                "the standbys were connected after {}",
            ),
        ),
        parts={
            "postgres_down_s": "Postgres's own recovery",
            "processor_reconnect_s": "The processors' way back to it",
        },
    ),
    Part.NODE: _node_page("a processor for each partition", _OF_GROUP),
    Part.FROZEN_NODE: _node_page(
        "a processor for each partition",
        {
            "group_rebalance_s": "Waiting for the node's event processor, or for the others to take over from it",
            "processor_resume_s": "The way from there to the last partition's first row",
        },
        # Nothing starts anew, and no session to Postgres is reset.
        without=("broker_start_s", "standbys_connected_s", "controllers_whole_s"),
    ),
    Part.DARK_NODE: _node_page("a processor for each partition", _OF_GROUP, without=("controllers_whole_s",)),
    Part.ZOOKEEPER: PartPage(
        felt=(
            _UNACKNOWLEDGED,
            ("broker_sessions_s", "until every broker's session was connected"),
            ("zookeeper_whole_s", "until every ZooKeeper server served"),
            _LOST,
        ),
        silence=_ACKNOWLEDGEMENTS,
        phases=(("1", "zookeeper_leader_s"), ("2", "zookeeper_whole_s"), ("part of 2", "zookeeper_start_s")),
        total="zookeeper_whole_s",
        milestones=(
            MilestoneOf("1", "a leader", ("zookeeper_leader_s",), "zookeeper-leads", "a server led after {}"),
            MilestoneOf(
                "2", "all servers serve", ("zookeeper_whole_s",), "zookeeper-whole", "every server served after {}"
            ),
        ),
        parts={},
    ),
    Part.CONTROLLER: PartPage(
        felt=(
            _UNACKNOWLEDGED,
            ("controller_active_s", "until another controller was active"),
            ("controllers_whole_s", "until every controller answered"),
            _LOST,
        ),
        silence=_ACKNOWLEDGEMENTS,
        phases=(("1", "controller_active_s"), ("2", "controllers_whole_s"), ("part of 2", "controller_start_s")),
        total="controllers_whole_s",
        milestones=(
            MilestoneOf(
                "1",
                "a controller is active",
                ("controller_active_s",),
                "controller-active",
                "another controller was active after {}",
            ),
            MilestoneOf(
                "2",
                "all controllers answer",
                ("controllers_whole_s",),
                "controllers-whole",
                "every controller answered after {}",
            ),
        ),
        parts={},
    ),
    Part.BROKER_LINKS: PartPage(
        felt=_BROKER_FELT,
        silence=_ACKNOWLEDGEMENTS,
        phases=(("1", "isr_full_s"), ("2", "pipeline_drain_s")),
        total="isr_full_s",
        milestones=(_redundant("1"),),
        parts={},
    ),
    Part.BROKERS: PartPage(
        felt=_BROKER_FELT,
        silence=_ACKNOWLEDGEMENTS,
        phases=(
            ("1", "broker_detect_s"),
            ("2", "leader_election_s"),
            ("3", "below_min_isr_s"),
            ("4", "pipeline_drain_s"),
            ("5", "broker_down_s"),
            ("6", "catch_up_s"),
        ),
        total="isr_full_s",
        milestones=(
            MilestoneOf("2", "one broker leads all", _DETECT[:2], "leaders-moved", "one broker led all after {}"),
            MilestoneOf(
                "3", "in-sync replicas enough", ("below_min_isr_s",), "", "every partition could take writes after {}"
            ),
            _redundant("6"),
        ),
        parts={},
    ),
    Part.QUORUM: PartPage(
        felt=_BROKER_FELT,
        silence=_ACKNOWLEDGEMENTS,
        phases=(
            ("1", "zookeeper_leader_s"),
            ("2", "broker_detect_s"),
            ("3", "leader_election_s"),
            ("4", "client_reconnect_s"),
            ("5", "pipeline_drain_s"),
            ("6", "broker_down_s"),
            ("part of 6", "broker_start_s"),
            ("7", "catch_up_s"),
            ("8", "zookeeper_whole_s"),
        ),
        total="isr_full_s",
        milestones=(
            MilestoneOf("1", "the quorum is back", ("zookeeper_leader_s",), "zookeeper-leads", "a server led after {}"),
            MilestoneOf("3", "leaders moved", _DETECT[:2], "leaders-moved", "all leaders had moved after {}"),
            _redundant("7"),
        ),
        parts={},
    ),
    Part.LOAD: PartPage(
        felt=(
            ("ack_during_s_p99", "acknowledgement during the burst, p99"),
            ("commit_during_s_p99", "time to committed row during the burst, p99"),
            _BACKLOG,
            _LOST,
        ),
        silence=_ROWS,
        phases=(("1", "pipeline_drain_s"),),
        total="backlog_gone_s",
        milestones=(
            MilestoneOf(
                "1", "backlog drained", ("backlog_gone_s",), "backlog-drained", "the backlog was gone after {}"
            ),
        ),
        parts={},
    ),
    Part.REDIS: PartPage(
        felt=(
            ("redis_down_s", "until Redis answered again"),
            ("redis_caught_up_s", "until device states were current again"),
            _ROWLESS,
            _LOST,
        ),
        silence=_ROWS,
        phases=(("1", "redis_down_s"), ("part of 1", "redis_start_s")),
        total="redis_caught_up_s",
        milestones=(
            MilestoneOf("1", "Redis answers", ("redis_down_s",), "redis-answers", "Redis answered again after {}"),
            MilestoneOf(
                "2",
                "device states current",
                ("redis_caught_up_s",),
                "states-current",
                "the devices' states were current after {}",
            ),
        ),
        parts={},
    ),
}
