"""Which offsets are written, which of them the group's coordinator has confirmed, and what to tell it next.

A commit is asynchronous: when the coordinator's broker is dead, the answer comes late or as an error, and the
next batch is written meanwhile. At most one commit is under way; the one after it carries everything written
since, so a lost answer costs nothing but reading again after a crash.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

Place = tuple[str, int]  # topic, partition
ANSWER_TIMEOUT_S: Final = 30.0  # a commit without an answer for so long no longer holds up the next
RETRY_AFTER_S: Final = 0.5  # a coordinator that refused is not asked again at once


class Offsets:
    """The offsets of the partitions that are assigned now; each is that of the next record to read."""

    def __init__(self) -> None:
        self._assigned: set[Place] = set()
        self._written: dict[Place, int] = {}
        self._confirmed: dict[Place, int] = {}
        self._under_way_since_s: float | None = None
        self._not_before_s = 0.0

    @property
    def assigned(self) -> int:
        """Return how many partitions are assigned."""
        return len(self._assigned)

    @property
    def under_way(self) -> bool:
        """Whether a commit waits for its answer."""
        return self._under_way_since_s is not None

    def places(self) -> list[Place]:
        """Return the assigned partitions, sorted."""
        return sorted(self._assigned)

    def assign(self, places: Iterable[Place]) -> None:
        """Add partitions."""
        self._assigned.update(places)

    def revoke(self, places: Iterable[Place]) -> None:
        """Remove partitions: their next owner starts from what the coordinator has."""
        for place in places:
            self._assigned.discard(place)
            self._written.pop(place, None)
            self._confirmed.pop(place, None)

    def written(self, following: Mapping[Place, int]) -> None:
        """Note what Postgres holds now; partitions that are not assigned any more are left out."""
        for place, offset in following.items():
            if place in self._assigned:
                self._written[place] = max(offset, self._written.get(place, 0))

    def written_offset(self, place: Place) -> int | None:
        """Return the offset after the last written record, None if none was written since the assignment."""
        return self._written.get(place)

    def to_commit(self, now_s: float) -> dict[Place, int]:
        """Return what to commit now and regard it as under way; empty while a commit waits for its answer.

        `now_s` is monotonic time.
        """
        if now_s < self._not_before_s:
            return {}
        if self._under_way_since_s is not None and now_s - self._under_way_since_s < ANSWER_TIMEOUT_S:
            return {}
        due = {place: offset for place, offset in self._written.items() if self._confirmed.get(place) != offset}
        self._under_way_since_s = now_s if due else None
        return due

    def refused(self, now_s: float) -> None:
        """Note that the commit under way failed (monotonic time): the next one comes a moment later."""
        self._under_way_since_s = None
        self._not_before_s = now_s + RETRY_AFTER_S

    def answered(self, confirmed: Mapping[Place, int]) -> None:
        """Note what the coordinator has stored."""
        self._under_way_since_s = None
        self._confirmed.update({place: offset for place, offset in confirmed.items() if place in self._assigned})
