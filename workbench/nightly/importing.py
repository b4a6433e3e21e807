"""Reference records into a history, so that the first night has something to be compared with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from workbench.nightly.outcome import imported, night_of
from workbench.records.history import History
from workbench.records.night_drill import IMPORTED, NightDrill
from workbench.records.reference import ReferenceRecord


def import_records(history: History, records: Sequence[ReferenceRecord]) -> list[NightDrill]:
    """Enter every record whose run the history does not have yet, all or none; return what was entered."""
    there = history.drills()
    known = {drill.run_id for drill in there}
    numbers = Counter((drill.night, drill.scenario) for drill in there if drill.suite == IMPORTED)
    new = []
    for record in records:
        if record.run_id in known:
            continue
        place = night_of(record.sealed_s), record.scenario
        numbers[place] += 1
        new.append(imported(record, numbers[place]))
    for night, started_s in {drill.night: drill.started_s for drill in reversed(new)}.items():
        history.begin_night(IMPORTED, night, started_s)
    history.put(*new)
    return new
