"""Where the embedded hub keeps its things, and the marks by which its processes are recognised."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from workbench.cache import cache_directory

# In the environment of every process of a hub; children inherit them.
HUB_MARK: Final = "HUB_WORKBENCH_HUB"  # the hub's id
DIRECTORY_MARK: Final = "HUB_WORKBENCH_DIRECTORY"  # the hub's directory
NODE_MARK: Final = "HUB_WORKBENCH_NODE"  # the node the server is laid out on


def artifacts_directory() -> Path:
    """Return where downloaded servers are kept, for all hubs."""
    return cache_directory() / "artifacts"


def hubs_directory() -> Path:
    """Return the folder of all hubs; each is a folder named by its id."""
    return cache_directory() / "hubs"


def control_address(hub_id: str) -> str:
    """Return the hub's control socket: a name without a file, so no path can be too long for it (unix(7))."""
    return f"\0hub-workbench-{hub_id}"
