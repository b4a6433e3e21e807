"""What haproxy's configuration says of one backend: its servers, how they are looked at, how long a connection waits.

Read is what the hub's file uses: `defaults` and one `backend` section, `timeout connect`, `default-server`, `balance`,
`server`. Left out: a server's own check settings beside the defaults, several `defaults` sections, backup servers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workbench.errors import BadInput, Problem
from workbench.topology.documents import shown

USERS: Final = "https"  # the backend that users' connections come by
INTER_S: Final = 2.0  # haproxy 2.6, configuration.txt 5.2: inter, fall, rise
FALL: Final = 3
RISE: Final = 2
SECTIONS: Final = frozenset({"global", "defaults", "frontend", "backend", "listen"})
_TIME: Final = re.compile(r"(\d+)(us|ms|s|m|h|d)?")  # without a unit: milliseconds
_WHOLE: Final = re.compile(r"([1-9]\d*)")
_CHECKS: Final = "default-server"
_UNIT_S: Final = {"us": 1e-6, "ms": 1e-3, None: 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


type _Line = tuple[int, list[str]]  # number and words


@dataclass(frozen=True)
class LoadBalancer:
    """One backend of haproxy. Times in seconds, `fall` and `rise` in looks."""

    file: str
    backend: str
    balance: str
    servers: tuple[str, ...]
    connect_timeout_s: float
    check_interval_s: float
    fall: int
    rise: int


def read_load_balancer(path: Path, backend: str = USERS) -> LoadBalancer:
    """Return a backend. Raises BadInput with every problem: no file or backend, no servers, a time that is none."""
    lines, file, problems = _lines(path), shown(path), list[Problem]()
    own = list(_section(lines, "backend", backend))
    if not own:
        problems.append(Problem(file, "backend", backend, "a backend section of this name"))
    servers = tuple(words[1] for _, words in own if words[0] == "server" and "check" in words)
    if own and not servers:
        problems.append(Problem(file, f"backend {backend}", "no server", "servers with `check`"))
    both = [*_section(lines, "defaults", ""), *own]
    connect_s = _number(file, both, "timeout", "connect", problems)
    inter_s = _number(file, both, _CHECKS, "inter", problems)
    if connect_s is None:
        problems.append(Problem(file, "timeout connect", "missing", "how long a connection to a server may take"))
    fall, rise = (_number(file, both, _CHECKS, key, problems, looks=True) for key in ("fall", "rise"))
    if problems:
        raise BadInput(f"{file} does not say how the load balancer looks at its servers", problems)
    return LoadBalancer(
        file=file,
        backend=backend,
        balance=next((words[1] for _, words in reversed(both) if words[0] == "balance"), "roundrobin"),
        servers=servers,
        connect_timeout_s=connect_s or 0.0,
        check_interval_s=INTER_S if inter_s is None else inter_s,
        fall=FALL if fall is None else int(fall),
        rise=RISE if rise is None else int(rise),
    )


def _lines(path: Path) -> list[_Line]:
    """Return number and words of each line. Raises BadInput for a file that cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{shown(path)} cannot be read: {error.strerror}") from error
    return [(number, line.split("#")[0].split()) for number, line in enumerate(text.splitlines(), start=1)]


def _section(lines: Iterable[_Line], kind: str, name: str) -> Iterator[_Line]:
    """Yield the lines of a section."""
    inside = False
    for number, words in lines:
        if words and words[0] in SECTIONS:
            inside = words[0] == kind and (not name or words[1:2] == [name])
        elif words and inside:
            yield number, words


def _number(
    file: str,
    lines: Sequence[_Line],
    begins: str,
    key: str,
    problems: list[Problem],
    looks: bool = False,
) -> float | None:
    """Return what follows `key` on the last line that begins so and has it: a time (s), or a number of looks."""
    for number, words in reversed(lines):
        if words[0] == begins and key in words:
            text = "".join(words[words.index(key) + 1 :][:1])
            match = (_WHOLE if looks else _TIME).fullmatch(text)
            if match is None:
                bound = "a whole number of looks, such as 3" if looks else "a time, such as 3s"
                problems.append(Problem(file, f"{words[0]} {key}", text or "nothing", bound, number))
                return 0.0
            return float(match[1]) if looks else int(match[1]) * _UNIT_S[match[2]]
    return None
