"""session.json: what is known of one drill's hold on a hub, for whoever attaches to it.

It holds passwords: mode 0600.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from workbench.cache import cache_directory
from workbench.errors import MachineTrouble
from workbench.safety.undo import DrillRecord
from workbench.target.port import Endpoints
from workbench.topology.hub import HubTopology

FILE_NAME: Final = "session.json"


@dataclass(frozen=True)
class Session:
    """One hold on a hub that was up before and stays up afterwards."""

    kubeconfig: Path
    context: str  # "": the kubeconfig's current one
    topology: HubTopology
    endpoints: Endpoints
    nodes: tuple[str, ...]  # those with an agent; none: nobody looks at processes
    record: DrillRecord  # as it was when the cluster was taken
    safety: Path  # folder of the run's own copy of it
    start_to_registered_s: Mapping[str, float] = field(default_factory=dict)  # "kafka-1" -> its last start alone
    start_cpu_s: Mapping[str, float] = field(default_factory=dict)  # computing time until then
    registered_to_ready_s: Mapping[str, float] = field(default_factory=dict)

    def write(self, directory: Path) -> None:
        """Write session.json into the session's directory."""
        descriptor = os.open(directory / FILE_NAME, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_ADAPTER.dump_json(self, indent=1))


_ADAPTER: Final = TypeAdapter(Session)


def sessions_directory() -> Path:
    """Return the folder of all sessions; each is a folder named by its id."""
    return cache_directory() / "kubernetes"


def read_session(directory: Path) -> Session:
    """Return a session. Raises MachineTrouble when there is none that this version can read."""
    try:
        return _ADAPTER.validate_json((directory / FILE_NAME).read_bytes())
    except FileNotFoundError as error:
        raise MachineTrouble(f"no drill holds a hub by the id {directory.name!r}") from error
    except ValidationError as error:
        raise MachineTrouble(f"{directory / FILE_NAME} was written by another version") from error
