"""Consumer lag from librdkafka's own statistics: nothing is asked of a broker for it."""

from __future__ import annotations

from typing import Any

from workbench.apps.event_processor.offsets import Offsets


def lag_records(statistics: dict[str, Any], offsets: Offsets) -> int:
    """Return the records of the assigned partitions that are not written yet.

    High watermark (as of the last fetch) less the offset after the last written record; where nothing was
    written since the assignment, less the group's committed offset, and without one, less the log's start
    (auto.offset.reset is earliest). A partition whose watermark is not known yet counts as none.
    """
    total = 0
    for topic, partition in offsets.places():
        known = statistics.get("topics", {}).get(topic, {}).get("partitions", {}).get(str(partition), {})
        high = known.get("hi_offset", -1)
        reached = offsets.written_offset((topic, partition))
        if reached is None:
            reached = max(0, known.get("committed_offset", -1), known.get("lo_offset", -1))
        total += max(0, high - reached) if high >= 0 else 0
    return total
