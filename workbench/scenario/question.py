"""What a scenario asks, apart from whom: equal for drills whose times may be compared with each other."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import orjson
from pydantic import ValidationError

from workbench.errors import BadInput
from workbench.scenario.form import ScenarioForm
from workbench.scenario.reading import scenario_document

# The rest of a file either is no part of the drill (title, comments), judges it (objectives, primary, expect), or
# says which hub it is done to (manifests).
ASKED: Final = frozenset(
    {"load", "restart", "experiment", "faults", "fault_window_s", "baseline_s", "recovery_timeout_s"}
)
DIGITS: Final = 12


def question_of(text: str) -> str:
    """Return the first DIGITS of a hash of what a scenario's text asks: its load, fault and timing.

    A value that is left out and one that is stated as its default are the same question, so a key that scenarios are
    given later changes no question of before. "" where the text is no scenario of today's form.
    """
    try:
        form = ScenarioForm.model_validate(scenario_document(text, Path("question.yaml")).plain)
    except (BadInput, ValidationError):
        return ""
    asked = form.model_dump(mode="json", include=set(ASKED), exclude_defaults=True)
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()[:DIGITS]
