"""What is otherwise from one drill on: the hub's manifests, the workbench's commit, the calibration, the question.

The first three do not part what is compared: a change of them is what an operator asks about. Another question (load,
fault, timing) is never compared, nor another target or machine; see workbench.compare.windows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from workbench.records.night_drill import NightDrill

MANIFESTS: Final = "the manifests"
COMMIT: Final = "the workbench's commit"
CALIBRATION: Final = "the calibration"
QUESTION: Final = "load, fault or timing"
WATCHED: Final[Mapping[str, Callable[[NightDrill], str]]] = {
    MANIFESTS: lambda drill: drill.manifests,
    COMMIT: lambda drill: drill.commit,
    CALIBRATION: lambda drill: drill.calibration or "none",
    QUESTION: lambda drill: drill.question,
}


@dataclass(frozen=True)
class Change:
    """Something that is otherwise from a night on. `before` and `after` are the beginnings of hashes, or "none"."""

    night: str
    what: str  # of WATCHED
    before: str
    after: str


def known_of_configuration(drills: Sequence[NightDrill]) -> dict[str, NightDrill]:
    """Return for each configuration a drill that knows its question and manifests, which are then everybody's."""
    return {drill.configuration: drill for drill in drills if drill.question}


def changes(drills: Sequence[NightDrill]) -> dict[int, tuple[Change, ...]]:
    """Return what changed at which place of one scenario's drills, the earliest first; what is unknown is no change."""
    found: dict[int, tuple[Change, ...]] = {}
    last: dict[str, str] = {}
    for place, drill in enumerate(drills):
        now = {what: of(drill) for what, of in WATCHED.items() if of(drill)}
        here = tuple(
            Change(drill.night, what, last[what], value)
            for what, value in now.items()
            if value != last.get(what, value)
        )
        if here:
            found[place] = here
        last |= now
    return found


def numbered(found: Iterable[Change]) -> dict[tuple[str, str], int]:
    """Return a number for each night and thing that changed, counted from 1 in the order of time."""
    places = sorted({(change.night, change.what) for change in found})
    return {place: number for number, place in enumerate(places, 1)}
