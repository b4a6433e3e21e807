"""Which assessed set-up is to be preferred, and where none keeps every objective, which of them binds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.plan.search.set_up import SetUp

Assessment = Mapping[str, Any]


def kept_all(found: Assessment) -> bool:
    """Tell whether a set-up can be and keeps every objective."""
    return not found["impossible"] and excess(found) == 0.0


def excess(found: Assessment) -> float:
    """Return by how many times their bounds all objectives together are missed."""
    return float(sum(each["excess"] for each in found["objectives"]))


def in_order(found: Assessment) -> tuple[Any, ...]:
    """Return a key: the cheapest first, then the shortest outage (to 0.1 s), p99 (to 10 ms), processors' return."""
    outage_s, p99_s, replaced_s = (
        float("inf") if found.get(name) is None else found[name]
        for name in ("outage_s", "p99_s", "processors_replaced_s")
    )
    return found["cost"], round(outage_s, 1), round(p99_s, 2), round(replaced_s, 1), _key(found)


def better_somewhere(found: Assessment, other: Assessment) -> bool:
    """Tell whether a set-up is better than another in cost, outage or p99; both keep every objective."""
    return any(found[name] < other[name] for name in ("cost", "outage_s", "p99_s"))


def nearest_miss(tried: Sequence[Assessment]) -> Assessment | None:
    """Return the set-up that misses least, of equals the cheapest; None where none can be."""
    there = [each for each in tried if not each["impossible"]]
    return min(there, key=lambda each: (round(excess(each), 3), in_order(each)), default=None)


def binding(tried: Sequence[Assessment]) -> list[dict[str, Any]]:
    """Return the objectives that bind: those that no set-up kept by itself, else those that the nearest miss misses.

    Each with the best value that any set-up came to.
    """
    there = [each for each in tried if not each["impossible"]]
    nearest = nearest_miss(tried)
    if nearest is None:
        return []
    rows = []
    for row in nearest["objectives"]:
        of_all = [one for each in there for one in each["objectives"] if one["objective"] == row["objective"]]
        best = min(of_all, key=lambda one: one["excess"])
        rows.append({**best, "alone": best["excess"] > 0.0, "missed": row["excess"] > 0.0})
    alone = [row for row in rows if row["alone"]]
    return alone or [row for row in rows if row["missed"]]


def _key(found: Assessment) -> str:
    return repr(SetUp(**found["set_up"]))
