"""What tests on a cluster of their own share."""

from __future__ import annotations

from pathlib import Path
from typing import Final

BUILD_S: Final = 2400  # Kubernetes is built where no start was before


def processes_naming(text: str) -> list[str]:
    """Return the command lines of all processes in which `text` stands."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode(errors="replace")
        except OSError:  # ended meanwhile
            continue
        if text in line:
            found.append(line)
    return found
