"""What a drill tells whoever watches it. The terminal's view says it; this one, for notebooks and tests, is quiet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class Progress:
    """Told of each step as it happens, and says nothing. Times: seconds, `t_s` epoch seconds."""

    def header(self, scenario: str, target: str, seed: int, run_id: str) -> None:
        """Tell which drill this is; called once, first."""

    def sealed(self, t_s: float, sha256: str, sentence: str) -> None:
        """Tell that the prediction was sealed, when, with which hash, and what it says."""

    def phase_started(self, name: str, predicted: Sequence[float] | None) -> None:
        """Tell that a phase began; `predicted` holds the replications' lengths of it, None for none."""

    def phase_done(self, name: str, elapsed_s: float, text: str) -> None:
        """Tell that a phase is over, how long it took and what was seen."""

    def note(self, text: str) -> None:
        """Tell anything else worth a line."""

    def tick(
        self, acked_per_s: float, planned_per_s: float, backlog_events: float, lag_records: float, failed: int
    ) -> None:
        """Tell how the load stands right now."""

    def finish(self, comparison: Mapping[str, Any], run_dir: Path, command: str) -> None:
        """Tell how it ended: comparison.json, the run's folder and the command that does it again."""

    def close(self) -> None:
        """Give the terminal back; may be called more than once."""
