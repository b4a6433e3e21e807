"""What every measurement needs of the hub: kill, start, wait with a deadline, read a log's new lines, keep a sample."""

from __future__ import annotations

import contextlib
import datetime
import math
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from workbench.calibrate.catalogue import BY_NAME
from workbench.errors import ToolFailed
from workbench.target.local import LocalHub

WAIT_S: Final = 60.0
WHOLE_S: Final = 120.0
POLL_S: Final = 0.002
WHOLE_POLL_S: Final = 0.1


class Bench:
    """A hub to measure on, until `deadline_s` (monotonic); `samples` by quantity, in the order they were taken."""

    def __init__(self, hub: LocalHub, say: Callable[[str], None], deadline_s: float) -> None:
        self.hub = hub
        self.samples: dict[str, list[float]] = defaultdict(list)
        self._say = say
        self._deadline_s = deadline_s

    def note(self, name: str, value: float) -> None:
        """Keep one sample. What is not above 0 is below the resolution of its clock: it is said, not kept."""
        if math.isfinite(value) and value > 0.0:
            self.samples[BY_NAME[name].name].append(value)
        else:
            self._say(f"{name}: {value:.6g} is no measurement, left out")

    def rounds(self, count: int) -> Iterator[int]:
        """Yield round numbers while there is time."""
        for number in range(count):
            if time.monotonic() > self._deadline_s:
                self._say(f"out of time after {number} of {count} rounds")
                return
            yield number

    def until(
        self, condition: Callable[[], bool], what: str, timeout_s: float = WAIT_S, poll_s: float = POLL_S
    ) -> float:
        """Return when (epoch s) a condition was first seen to hold. No answer is a no; raises ToolFailed in the end."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            with contextlib.suppress(ToolFailed):
                if condition():
                    return time.time()
            if time.monotonic() > deadline_s:
                raise ToolFailed(f"{what}: not within {timeout_s:.0f} s")
            time.sleep(poll_s)

    def kill(self, server: str, signum: signal.Signals = signal.SIGKILL, family: bool = False) -> float:
        """Signal a server, wait until it has ended, and return when it was sent (epoch s)."""
        sent_s = self.hub.control.signal(server, signum, family=family)
        self.ended(server)
        return sent_s

    def ended(self, server: str) -> None:
        """Wait until a server's process has ended."""
        self.until(lambda: not self.hub.running(server), f"{server} ends")

    def start(self, server: str) -> float:
        """Start a server and return when its process began (epoch s)."""
        self.hub.control.start(server)
        return self.hub.process_starts(server)[-1].started_s

    def whole(self) -> None:
        """Wait until nothing is missing of the hub."""
        self.until(lambda: not self.hub.missing(), "the hub is whole again", WHOLE_S, WHOLE_POLL_S)

    def log(self, server: str) -> LogTail:
        """Return the log of a server from here on."""
        return LogTail(self.hub.directory / "logs" / f"{server}.log")


def logged_s(moment: str) -> float:
    """Return when (epoch s, 1 ms resolution) a Java server wrote a line that begins with this date and time."""
    return datetime.datetime.strptime(moment, "%Y-%m-%d %H:%M:%S,%f").astimezone().timestamp()


class LogTail:
    """What a server writes to its log after this object was made."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._from = path.stat().st_size if path.exists() else 0

    def text(self) -> str:
        """Return the new lines; of a log that was rolled over meanwhile, all of it."""
        data = self._path.read_bytes() if self._path.exists() else b""
        return data[self._from if len(data) >= self._from else 0 :].decode(errors="replace")
