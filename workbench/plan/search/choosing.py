"""Which assessed set-up is to be preferred, and where none keeps every objective, which of them binds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    replaced_s = _or_never(found.get("processors_replaced_s"))
    return *_point(found), round(replaced_s, 1), _key(found)


def pareto_front(assessed: Iterable[Assessment]) -> list[Assessment]:
    """Return those that no other is as good as in cost, outage (to 0.1 s) and p99 (to 10 ms); of equals the first.

    They are in order, the cheapest first. Finer differences are of the draws, not of the set-ups.
    """
    front: list[Assessment] = []
    for each in sorted(assessed, key=in_order):  # whoever is as good everywhere comes before
        if not any(all(a <= b for a, b in zip(_point(other), _point(each), strict=True)) for other in front):
            front.append(each)
    return front


def _point(found: Assessment) -> tuple[float, float, float]:
    return found["cost"], round(_or_never(found.get("outage_s")), 1), round(_or_never(found.get("p99_s")), 2)


def _or_never(took_s: float | None) -> float:
    return float("inf") if took_s is None else took_s


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
