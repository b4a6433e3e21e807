"""The terminal's view of a drill: a block of 80 columns redrawn in place; piped, one dated line an event."""

from __future__ import annotations

import datetime
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from workbench.cli import _progress_words as words
from workbench.drill.progress import Progress

REDRAWS_PER_S: Final = 4.0
LINES_MAX: Final = 22  # of the block; phases passed long ago leave it first
STYLES: Final = {"ok": "green", ">>": "bold", "--": "dim"}


class DrillProgress(Progress):
    """Shows a drill as it goes: progress on `stream` (stderr), the last block on `out` (stdout)."""

    def __init__(
        self,
        stream: TextIO | None = None,
        out: TextIO | None = None,
        clock: Callable[[], float] = time.time,
        terminal: bool | None = None,
    ) -> None:
        self._stream = stream or sys.stderr
        self._out = out or sys.stdout
        self._clock = clock
        usable = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._terminal = usable if terminal is None else terminal
        self._live: Live | None = None
        self._begun_s = clock()
        self._head: list[str] = []
        self._passed: list[str] = []
        self._phase: tuple[str, float, Sequence[float] | None] | None = None
        self._load = ""

    def header(self, scenario: str, target: str, seed: int, run_id: str) -> None:
        """Show which drill this is."""
        text = f"{scenario}  target {target}  seed {seed}  run {run_id}"
        self._head.append(text)
        self._event(text)
        if self._terminal and self._live is None:
            console = Console(file=self._stream, force_terminal=True, highlight=False)
            self._live = Live(
                console=console, get_renderable=self._block, refresh_per_second=REDRAWS_PER_S, redirect_stdout=False
            )
            self._live.start()

    def sealed(self, t_s: float, sha256: str, sentence: str) -> None:
        """Show the seal."""
        moment = datetime.datetime.fromtimestamp(t_s, datetime.UTC)
        text = f"sealed {moment:%H:%M:%S} UTC  sha256 {words.short_hash(sha256)}  {sentence}"
        self._head += words.wrapped(text, "  ")
        self._event(text)

    def phase_started(self, name: str, predicted: Sequence[float] | None) -> None:
        """Show that a phase runs, with the time to go that the replications give it."""
        self._phase = (name, self._clock(), predicted)
        self._event(f"started {name}" + (f", predicted {words.predicted(predicted)}" if predicted else ""))

    def phase_done(self, name: str, elapsed_s: float, text: str) -> None:
        """Show a phase that is over."""
        if self._phase is not None and self._phase[0] == name:
            self._phase = None
        self._passed.append(words.phase_line("ok", name, elapsed_s, text))
        self._event(f"done {name} after {elapsed_s:.1f} s" + (f": {text}" if text else ""))

    def note(self, text: str) -> None:
        """Show anything else."""
        self._passed.append(f" --  {text}")
        self._event(text)

    def tick(
        self, acked_per_s: float, planned_per_s: float, backlog_events: float, lag_records: float, failed: int
    ) -> None:
        """Show how the load stands."""
        self._load = (
            f" acked {acked_per_s:6,.0f}/s of {planned_per_s:,.0f}   backlog {backlog_events:,.0f} events"
            f"   lag {lag_records:,.0f} records   failed {failed:,d}"
        )

    def finish(self, comparison: Mapping[str, Any], run_dir: Path, command: str) -> None:
        """Print the last block on stdout."""
        self.close()
        self._out.write("\n".join(words.last_block(comparison, run_dir, command)) + "\n")
        self._out.flush()

    def close(self) -> None:
        """Leave the terminal as it was, the block's last state on it."""
        if self._live is not None:
            self._phase = None
            self._live.stop()
            self._live = None

    def lines(self, lines_max: int = LINES_MAX) -> list[str]:
        """Return the block as it stands now, none of its lines over 80 columns."""
        room = max(1, lines_max - len(self._head) - 3)
        lines = [*self._head, *self._passed[-room:]]
        now_s = self._clock()
        if self._phase is not None:
            name, started_s, predicted = self._phase
            age_s = now_s - started_s
            lines.append(words.phase_line(">>", name, age_s, words.time_to_go(age_s, predicted)))
        if self._load:
            lines.append(self._load)
        lines.append(f" elapsed {words.minutes(now_s - self._begun_s)}   Ctrl-C stops and undoes")
        return [words.cut(line) for line in lines]

    def _block(self) -> Text:
        block = Text(no_wrap=True, overflow="crop")
        height = self._live.console.height if self._live is not None else LINES_MAX
        for index, line in enumerate(self.lines(min(LINES_MAX, height - 1))):
            block.append(("\n" if index else "") + line, style=STYLES.get(line[1:3], ""))
        return block

    def _event(self, text: str) -> None:
        """Write one dated line when there is no terminal to redraw."""
        if self._terminal:
            return
        moment = datetime.datetime.fromtimestamp(self._clock(), datetime.UTC)
        self._stream.write(f"{moment:%Y-%m-%dT%H:%M:%SZ} {text}\n")
        self._stream.flush()
