"""What is written down of a cluster, so that any later command finds it again, however the one before ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from workbench.target.throwaway.layout import Layout
from workbench.target.throwaway.namespaces import Init
from workbench.target.throwaway.places import clusters_directory

FILE: str = "cluster.json"


@dataclass(frozen=True)
class Record:
    """A cluster as its file tells it. Times: epoch seconds."""

    layout: Layout
    kubernetes: str
    begun_s: float
    api_port: int = 0  # on the loopback address
    init: Init | None = None  # holds the cluster's own namespaces; None: not started yet
    nodes: Mapping[str, Init] = field(default_factory=dict)  # those powered on
    ready_after_s: float | None = None  # None: never was ready
    fake_nodes: int = 0  # KWOK's

    @property
    def is_up(self) -> bool:
        """Tell whether its namespaces are held and it once was ready."""
        return self.init is not None and self.init.lives and self.ready_after_s is not None

    def write(self) -> None:
        """Write the file in one step."""
        raw = {
            "cluster_id": self.layout.cluster_id,
            "workers": self.layout.workers,
            "kubernetes": self.kubernetes,
            "begun_s": self.begun_s,
            "api_port": self.api_port,
            "init": self.init.to_json() if self.init else None,
            "nodes": {name: init.to_json() for name, init in self.nodes.items()},
            "ready_after_s": self.ready_after_s,
            "fake_nodes": self.fake_nodes,
        }
        path = self.layout.directory / FILE
        part = path.with_suffix(".part")
        part.write_text(json.dumps(raw, indent=1))
        part.rename(path)


def read_record(directory: Path) -> Record:
    """Return the record in a cluster's directory; one without a readable file is a cluster that was never started."""
    try:
        raw = json.loads((directory / FILE).read_text())
    except (FileNotFoundError, ValueError):
        return Record(Layout(directory.name, directory, 0), "", 0.0)
    return Record(
        layout=Layout(raw["cluster_id"], directory, raw["workers"]),
        kubernetes=raw["kubernetes"],
        begun_s=raw["begun_s"],
        api_port=raw["api_port"],
        init=Init(**raw["init"]) if raw["init"] else None,
        nodes={name: Init(**init) for name, init in raw["nodes"].items()},
        ready_after_s=raw["ready_after_s"],
        fake_nodes=raw["fake_nodes"],
    )


def all_records() -> list[Record]:
    """Return every cluster of this user, by id."""
    folder = clusters_directory()
    if not folder.is_dir():
        return []
    return [read_record(path) for path in sorted(folder.iterdir()) if path.is_dir()]
