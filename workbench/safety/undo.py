"""A drill's record: written to the run folder and to the cluster before anything is broken.

Whoever finds it on the cluster, on whatever machine, can undo what a dead driver left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from pydantic import TypeAdapter, ValidationError

from workbench.errors import MachineTrouble

FORMAT: Final = 1


class Undo(StrEnum):
    """How something is undone. Every one of them is idempotent."""

    AWAIT = "await"  # its controller or its kubelet brings it back
    UNCORDON = "uncordon"  # pods may be placed on the node again
    POWER_ON = "power-on"  # by the record's power
    REMOVE_NAMESPACE = "remove-namespace"  # one that the drill made, with all in it


@dataclass(frozen=True)
class ClusterObject:
    """One object of a cluster, pinned by its uid: another of the same name is not meant."""

    kind: str  # "Pod"
    name: str
    uid: str  # "": it is not there yet
    namespace: str = ""  # "": a kind without
    node: str = ""  # of a pod

    def __str__(self) -> str:
        place = f" on {self.node}" if self.node else ""
        known = f" ({self.uid})" if self.uid else ""
        return f"{self.kind} {self.namespace + '/' if self.namespace else ''}{self.name}{known}{place}"


@dataclass(frozen=True)
class UndoEntry:
    """One thing a drill is about to do, and what undoes it."""

    fault: str  # its type, or what the drill makes for itself
    victims: tuple[ClusterObject, ...]
    undo: Undo
    written_s: float  # epoch


@dataclass(frozen=True)
class DrillRecord:
    """One drill's hold on a cluster."""

    run_id: str
    driver: str  # "host:process id"
    begun_s: float  # epoch
    power: str = ""  # address of the nodes' power, "": none is known
    namespace: str = ""  # of the hub that is drilled, "": none
    recovering: bool = False  # somebody undoes it: the driver may break nothing more
    entries: tuple[UndoEntry, ...] = ()
    format: int = FORMAT

    def with_entry(self, entry: UndoEntry) -> DrillRecord:
        """Return the record with one more entry."""
        return replace(self, entries=(*self.entries, entry))

    def to_json(self) -> str:
        """Return the JSON form."""
        return _ADAPTER.dump_json(self, indent=1).decode()


_ADAPTER: Final = TypeAdapter(DrillRecord)


def read_drill_record(text: str) -> DrillRecord:
    """Return the record of a JSON form. Raises MachineTrouble for one that this version cannot read."""
    try:
        record = _ADAPTER.validate_json(text)
    except ValidationError as error:
        raise MachineTrouble("the drill's record on the cluster was written by another version") from error
    if record.format != FORMAT:
        raise MachineTrouble(f"the drill's record on the cluster has format {record.format}, not {FORMAT}")
    return record
