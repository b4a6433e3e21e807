"""What haproxy's configuration says of one backend: its servers, how they are looked at, how long a connection waits.

Read is what the hub's file uses: `defaults` and one `backend` section, `timeout connect`, `default-server`, `balance`,
`server`. Left out: a server's own check settings beside the defaults, several `defaults` sections, backup servers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
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
_UNIT_S: Final = {"us": 1e-6, "ms": 1e-3, None: 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


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
    problems: list[Problem] = []
    defaults = list(_section(path, "defaults", ""))
    own = list(_section(path, "backend", backend))
    if not own:
        problems.append(Problem(shown(path), "backend", backend, "a backend section of this name"))
    servers = tuple(words[1] for _, words in own if words[0] == "server" and "check" in words)
    if own and not servers:
        problems.append(Problem(shown(path), f"backend {backend}", "no server", "servers with `check`"))
    both = [*defaults, *own]
    connect_s = _last(both, ("timeout", "connect"), "", path, problems)
    inter_s = _last(both, ("default-server",), "inter", path, problems)
    found = LoadBalancer(
        file=shown(path),
        backend=backend,
        balance=next((words[1] for _, words in reversed(both) if words[0] == "balance"), "roundrobin"),
        servers=servers,
        connect_timeout_s=connect_s or 0.0,
        check_interval_s=INTER_S if inter_s is None else inter_s,
        fall=_count(both, "fall", FALL),
        rise=_count(both, "rise", RISE),
    )
    if connect_s is None:
        problems.append(
            Problem(shown(path), "timeout connect", "missing", "how long a connection to a server may take")
        )
    if problems:
        raise BadInput(f"{shown(path)} does not say how the load balancer looks at its servers", problems)
    return found


def _section(path: Path, kind: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield number and words of each line of a section. Raises BadInput for a file that cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BadInput(f"{shown(path)} cannot be read: {error.strerror}") from error
    inside = False
    for number, line in enumerate(lines, start=1):
        words = line.split("#")[0].split()
        if words and words[0] in SECTIONS:
            inside = words[0] == kind and (not name or words[1:2] == [name])
        elif words and inside:
            yield number, words


def _last(
    lines: list[tuple[int, list[str]]], begins: tuple[str, ...], key: str, path: Path, problems: list[Problem]
) -> float | None:
    """Return the time (s) after the words `begins`, or after `key` on such a line, of the last line that has it."""
    for number, words in reversed(lines):
        if tuple(words[: len(begins)]) == begins:
            rest = words[len(begins) :]
            if key and key not in rest:
                continue
            text = rest[rest.index(key) + 1] if key else rest[0]
            match = _TIME.fullmatch(text)
            if match is None:
                problems.append(
                    Problem(shown(path), " ".join((*begins, key)).strip(), text, "a time, such as 3s", number)
                )
                return 0.0
            return int(match[1]) * _UNIT_S[match[2]]
    return None


def _count(lines: list[tuple[int, list[str]]], key: str, default: int) -> int:
    for _, words in reversed(lines):
        if words[0] == "default-server" and key in words:
            return int(words[words.index(key) + 1])
    return default
