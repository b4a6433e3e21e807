"""Collector: polls one source at a fixed step and appends each sample, with its time, to one file."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Final

import orjson

from workbench.errors import WorkbenchError
from workbench.records.timeline import CLOCK

JOIN_TIMEOUT_S: Final = 10.0


class Collector(ABC):
    """One source to one JSON-lines file: {"t", "clock", ...} or {"t", "clock", "blind": reason}.

    A sample's `t` is the epoch time at which the answer was received; `asked` when the question was sent,
    so a reader knows how old a value can be. A source that does not answer leaves blind samples, never a gap
    that looks like silence.
    """

    name: str

    def __init__(self, folder: Path, step_s: float) -> None:
        self.path = folder / f"{self.name}.jsonl"
        self.step_s = step_s
        self.latest: dict[str, Any] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"collector-{self.name}", daemon=True)
        self.failure: BaseException | None = None

    @abstractmethod
    def sample(self) -> dict[str, Any]:
        """Return one sample's values. Raises WorkbenchError when the source does not answer."""

    def start(self) -> None:
        """Begin to poll."""
        self._thread.start()

    def stop(self) -> None:
        """Stop polling and close the file; raises what ended the collector early."""
        self._stop.set()
        self._thread.join(JOIN_TIMEOUT_S)
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        try:
            with self.path.open("ab", buffering=0) as file:
                while not self._stop.is_set():
                    asked_s = time.time()
                    file.write(orjson.dumps(self._sample_or_blind(asked_s), option=_JSON_LINE))
                    self._stop.wait(max(0.0, asked_s + self.step_s - time.time()))
        except BaseException as error:  # carried to stop(), in the drill's own thread
            self.failure = error

    def _sample_or_blind(self, asked_s: float) -> dict[str, Any]:
        try:
            values = self.sample()
        except WorkbenchError as error:
            return {"t": time.time(), "asked": asked_s, "clock": CLOCK, "blind": str(error)}
        entry = {"t": time.time(), "asked": asked_s, "clock": CLOCK, **values}
        self.latest = entry
        return entry


_JSON_LINE: Final = orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
