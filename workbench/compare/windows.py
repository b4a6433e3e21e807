"""Which drills a night is compared with: those that asked the same of a hub of the same kind, whatever its settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from workbench.compare.changes import Change, changes, known_of_configuration
from workbench.errors import EXIT_AS_EXPECTED, EXIT_INCONCLUSIVE, EXIT_MISSED
from workbench.records.night_drill import DONE, IMPORTED, NightDrill

PROVED: Final = (EXIT_AS_EXPECTED, EXIT_MISSED)
LAST: Final = 1
RECENT: Final = 3
LAST_SHARE: Final = 0.25  # of a test's chance; the rest is the recent nights'
CHANGED_NIGHTS_MAX: Final = 10  # so long a change of the manifests is looked at; then it is what is usual


@dataclass(frozen=True)
class Window:
    """Late drills held against early ones, with a share of the test's chance of a false alarm."""

    late: tuple[NightDrill, ...]
    early: tuple[NightDrill, ...]
    share: float

    @property
    def since(self) -> tuple[Change, ...]:
        """Return what changed between the last early drill and the first late one."""
        return changes((*self.early[-1:], *self.late[:1])).get(1, ())

    @property
    def within(self) -> tuple[Change, ...]:
        """Return what changed among the late drills."""
        return tuple(change for each in changes(self.late).values() for change in each)


def counts(drill: NightDrill, metric: str) -> bool:
    """Tell whether a drill has a value of a metric that may be compared.

    One that is inconclusive because its sealed interval was too wide has: a doubled session widens it as well. Of one
    that failed a check no metric is kept (workbench.compare.reference).
    """
    row = drill.metric(metric)
    ended = drill.state == DONE and drill.exit_code in (*PROVED, EXIT_INCONCLUSIVE)
    return ended and row is not None and row.seen is not None


def windows(drills: Sequence[NightDrill], last: NightDrill, metric: str, compare_nights: int) -> tuple[Window, ...]:
    """Return what is held against what, for the night of a drill; `drills` are all of a history, the earliest first.

    The last night, the last RECENT, and, where the manifests changed at most CHANGED_NIGHTS_MAX nights ago, everything
    since then: each against up to `compare_nights` nights before. Two that are the same are one, with both shares.
    """
    alike = _alike(drills, last, metric)
    nights = list(dict.fromkeys((drill.suite, drill.night) for drill in reversed(alike)))
    run = [name for name in nights if name[0] != IMPORTED]
    changed = _since_the_manifests_changed(alike)
    recent = _of(alike, run[:RECENT])
    found: list[Window] = []
    for late, share in (
        (_of(alike, run[:LAST]), LAST_SHARE),
        (recent, (1.0 - LAST_SHARE) / 2.0),
        (changed or recent, (1.0 - LAST_SHARE) / 2.0),
    ):
        same = next((window for window in found if window.late == late), None)
        if same is not None:
            found.remove(same)
            share += same.share
        found.append(Window(late, _before(alike, late, compare_nights), share))
    return tuple(found)


def _alike(drills: Sequence[NightDrill], last: NightDrill, metric: str) -> list[NightDrill]:
    """Return what may be compared with a drill: another load, fault, target or machine is no measure of tonight.

    Where nobody knows what a drill asked, it is what others of its configuration asked; otherwise it is left out.
    """
    known = known_of_configuration(drills)
    completed = [
        drill
        if drill.question or drill.configuration not in known
        else replace(
            drill, question=known[drill.configuration].question, manifests=known[drill.configuration].manifests
        )
        for drill in drills
        if drill.scenario == last.scenario and drill.started_s <= last.started_s and counts(drill, metric)
    ]
    wanted = next(drill for drill in completed if drill.key == last.key)
    return [drill for drill in completed if _asked(drill) == _asked(wanted)]


def _asked(drill: NightDrill) -> tuple[str, str, int]:
    return drill.question or f"configuration {drill.configuration}", drill.target, drill.cores


def _of(drills: Sequence[NightDrill], nights: Sequence[tuple[str, str]]) -> tuple[NightDrill, ...]:
    return tuple(drill for drill in drills if (drill.suite, drill.night) in nights)


def _since_the_manifests_changed(alike: Sequence[NightDrill]) -> tuple[NightDrill, ...]:
    """Return the drills since the manifests changed, none where they did not, did too long ago, or before any night."""
    places = [place for place, drill in enumerate(alike) if drill.manifests != alike[-1].manifests]
    late = tuple(alike[places[-1] + 1 :]) if places else ()
    nights = {(drill.suite, drill.night) for drill in late}
    imported = any(drill.suite == IMPORTED for drill in late)
    return () if imported or len(nights) > CHANGED_NIGHTS_MAX else late


def _before(alike: Sequence[NightDrill], late: Sequence[NightDrill], compare_nights: int) -> tuple[NightDrill, ...]:
    """Return the drills of up to so many nights that are not late ones."""
    keys = {drill.key for drill in late}
    early = [drill for drill in alike if drill.key not in keys]
    nights = list(dict.fromkeys((drill.suite, drill.night) for drill in reversed(early)))[:compare_nights]
    return _of(early, nights)
