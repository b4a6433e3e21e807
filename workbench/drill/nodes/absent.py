"""What was seen of a control plane's absence, and the moments that follow from it: pure functions over facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from workbench.drill.nodes.facts import Facts

NEW_POD = "made-after-the-return"


@dataclass(frozen=True)
class Absence:
    """What was done to the cluster and when (epoch s)."""

    cut_s: float
    power_on_s: float
    answered_s: float  # the API server's first answer
    moved_pod: str  # taken out of its Service right after that
    moved_address: str


@dataclass
class Sightings:
    """What is seen beside the watches' facts."""

    restarted_s: float | None = None  # how long a killed container took to run again, meanwhile
    attempts: list[tuple[float, bool]] = field(default_factory=list)  # connections to the Service: begun, answered
    renewed: dict[str, float] = field(default_factory=dict)  # worker -> its lease's first change after the return
    objects: dict[str, float] | None = None  # of a restore, see made.py


def absence_moments(facts: Facts, seen: Sightings, absence: Absence, workers: Sequence[str]) -> dict[str, float | None]:
    """Return each moment after the API server's return and each count, by the model's own names; None: not seen."""
    back_s = absence.answered_s
    new = [fact for fact in facts.pods if fact.name == NEW_POD]
    changes = [fact.at_s for fact in facts.endpoints if absence.moved_pod not in fact.ready and fact.at_s > back_s]
    written = [
        next(
            (
                fact.at_s
                for fact in facts.rules
                if fact.node == node and fact.at_s > back_s and absence.moved_address not in fact.addresses
            ),
            None,
        )
        for node in workers
    ]
    moments = {
        "leases_renewed_s": _last([seen.renewed.get(name) for name in workers]),
        "first_bound_s": next((fact.at_s for fact in new if fact.node), None),
        "first_running_s": next((fact.at_s for fact in new if fact.running), None),
        "endpoints_changed_s": min(changes, default=None),
        "rules_written_s": _last(written),
    }
    refused = [at_s for at_s, answered in seen.attempts if at_s >= absence.cut_s and not answered]
    counts: dict[str, float | None] = {
        "restarted_s": seen.restarted_s,
        "connections_failed": float(len(refused)) if seen.attempts else None,
        "nodes_not_ready": float(len({fact.name for fact in facts.nodes if not fact.ready and fact.name in workers})),
        "pods_evicted": float(len({fact.name for fact in facts.pods if fact.terminating or fact.gone})),
        **(seen.objects or {}),
    }
    return {**counts, **{name: None if at_s is None else at_s - back_s for name, at_s in moments.items()}}


def lost_and_kept(made: Mapping[str, float], there: set[str], snapshot_s: tuple[float, float]) -> dict[str, float]:
    """Return how a restore treated objects: `made` are names with the moment of the API's answer (epoch s).

    What was made while the snapshot was taken (between its two moments) belongs to neither side.
    """
    begun_s, done_s = snapshot_s
    later = {name for name, at_s in made.items() if at_s > done_s}
    earlier = {name for name, at_s in made.items() if at_s < begun_s}
    return {
        "objects_lost": float(len(later - there)),
        "objects_kept": float(len(later & there)),
        "older_objects_lost": float(len(earlier - there)),
    }


def _last(moments: Sequence[float | None]) -> float | None:
    known = [at_s for at_s in moments if at_s is not None]
    return max(known) if known and len(known) == len(moments) else None
