"""What the stand-in for Kubegres writes down of a fail-over, one JSON line a step, for whoever looks back on it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

FILE_NAME: Final = "kubegres-steps.jsonl"
BEGUN: Final = "begun"  # the primary was seen dead
ASKED: Final = "promotion-asked"
PROMOTED: Final = "promoted"
REBUILT: Final = "rebuilt"


def write(directory: Path, step: str, instance: int) -> None:
    """Append a step that happens now."""
    line = json.dumps({"t": time.time(), "step": step, "instance": instance})
    with (directory / FILE_NAME).open("a") as file:
        file.write(line + "\n")


def read(directory: Path) -> Mapping[str, float]:
    """Return when each step of the last fail-over was, epoch s; empty when there was none."""
    steps: dict[str, float] = {}
    path = directory / FILE_NAME
    for line in path.read_text().splitlines() if path.exists() else ():
        entry = json.loads(line)
        if entry["step"] == BEGUN:
            steps.clear()
        steps[entry["step"]] = float(entry["t"])
    return steps


def is_under_way(steps: Mapping[str, float]) -> bool:
    """Tell that the last fail-over has not ended: until then Kubegres begins no other operation."""
    return BEGUN in steps and REBUILT not in steps
