"""Reference records into a history, so that the first night has something to be compared with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from workbench.nightly.outcome import imported, night_of, scenario_now
from workbench.records.history import History
from workbench.records.night_drill import IMPORTED, NightDrill
from workbench.records.reference import ReferenceRecord


def import_records(history: History, records: Sequence[ReferenceRecord]) -> list[NightDrill]:
    """Enter every record whose run the history does not have yet, all or none; return what was entered.

    A drill that is there and does not know what it asked (its history is of an earlier version) is told, where a
    record or a scenario of today has its configuration.
    """
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
    history.put(*new, *_told(there, records))
    return new


def _told(drills: Sequence[NightDrill], records: Sequence[ReferenceRecord]) -> list[NightDrill]:
    known = {record.configuration: (record.question, record.manifests) for record in records if record.question}
    unknown = [drill for drill in drills if drill.configuration and not drill.question]
    for scenario in dict.fromkeys(drill.scenario for drill in unknown):
        now = scenario_now(scenario)
        if now is not None:
            known[now.configuration] = now.question, now.manifests
    return [
        replace(drill, question=known[drill.configuration][0], manifests=known[drill.configuration][1])
        for drill in unknown
        if drill.configuration in known
    ]
