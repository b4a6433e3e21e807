"""kube-scheduler's own log, as it is written from verbosity 10 on: what it tried, how it scored, what it chose.

Lines as in Kubernetes v1.29 pkg/scheduler/schedule_one.go; the log's text form is klog's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

_ATTEMPT: Final = re.compile(r'\] "Attempting to schedule pod" pod="([^"]+)"')
_PLUGIN: Final = re.compile(
    r'\] "Plugin scored node for pod" pod="([^"]+)" plugin="([^"]+)" node="([^"]+)" score=(-?\d+)'
)
_TOTAL: Final = re.compile(r'\] "Calculated node\'s final score for pod" pod="([^"]+)" node="([^"]+)" score=(-?\d+)')
_NO_FIT: Final = re.compile(r'\] "Unable to schedule pod; no fit; waiting" pod="([^"]+)"')


@dataclass
class Attempt:
    """One scheduling cycle as the log tells it."""

    pod: str  # namespace/name
    weighted: dict[str, dict[str, int]] = field(default_factory=dict)  # node -> plugin -> score times weight
    totals: dict[str, int] = field(default_factory=dict)
    fitted: bool = True


def attempts_of(lines: Iterable[str]) -> list[Attempt]:
    """Return the attempts of a log, in their order. Scheduling cycles never overlap, binding ones tell nothing here."""
    attempts: list[Attempt] = []
    for line in lines:
        if found := _PLUGIN.search(line):
            attempt = _latest(attempts, found[1])
            attempt.weighted.setdefault(found[3], {})[found[2]] = int(found[4])
        elif found := _TOTAL.search(line):
            _latest(attempts, found[1]).totals[found[2]] = int(found[3])
        elif found := _ATTEMPT.search(line):
            attempts.append(Attempt(found[1]))
        elif found := _NO_FIT.search(line):
            _latest(attempts, found[1]).fitted = False
    return attempts


def _latest(attempts: list[Attempt], pod: str) -> Attempt:
    """Return the newest attempt; a failure is told a little after the next pod's turn may have begun."""
    return next(attempt for attempt in reversed(attempts) if attempt.pod == pod)
