"""What a cluster was like before a drill, and what is different after it.

An object is a flat map of paths to values, so that a difference has a name: "Node worker-2: spec.unschedulable". What a
cluster changes by itself all the time is left out: pods with an owner but for how many of them are ready, status but
for readiness, leases, endpoints, events, and the annotations of IGNORED.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

LONG: Final = 120  # characters: a longer value is kept as its hash
# Annotations and labels that controllers write while nothing is broken; where each comes from.
IGNORED: Final = frozenset(
    {
        "control-plane.alpha.kubernetes.io/leader",  # leader election of before leases
        "deployment.kubernetes.io/revision",  # follows from the pod template, which is compared
        "node.alpha.kubernetes.io/ttl",  # the node controller's, by the number of nodes
    }
)
NOT_COMPARED: Final = frozenset({"apiVersion", "kind", "metadata", "status"})
READY_COUNTS: Final = ("readyReplicas", "numberReady")
NOTHING: Final = "absent"
UID: Final = "metadata.uid"
DELETED: Final = "metadata.deletionTimestamp"
CONDITION_TAINTS: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")  # the node controller's


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was before the drill."""

    what: str  # "Node worker-2"
    path: str  # "spec.unschedulable", "" for the whole object
    before: str
    after: str
    by: str = ""  # who wrote the object last, as the API server notes it

    def __str__(self) -> str:
        name = f"{self.what}: {self.path}" if self.path else self.what
        told = f" (last written by {self.by})" if self.by else ""
        return f"{name} is {self.after}, was {self.before}{told}"


@dataclass(frozen=True)
class Snapshot:
    """Objects by their names: "Deployment central-hub/gateway" -> path -> value."""

    objects: Mapping[str, Mapping[str, str]]
    writers: Mapping[str, str]  # of the same names: who wrote it last; not compared

    def to_bytes(self) -> bytes:
        """Return the compressed JSON form."""
        text = json.dumps({"objects": self.objects, "writers": self.writers}, sort_keys=True)
        return gzip.compress(text.encode(), mtime=0)

    @staticmethod
    def from_bytes(data: bytes) -> Snapshot:
        """Return the value of a JSON form."""
        raw = json.loads(gzip.decompress(data))
        return Snapshot(raw["objects"], raw["writers"])


def differences(before: Snapshot, after: Snapshot) -> tuple[Difference, ...]:
    """Return what is not as it was, by name."""
    found = []
    for name in sorted(before.objects.keys() | after.objects.keys()):
        old, new = before.objects.get(name), after.objects.get(name)
        writer = after.writers.get(name, "")
        if old is None or new is None:
            was, now = (NOTHING if each is None else "there" for each in (old, new))
            found.append(Difference(name, "", was, now, writer))
            continue
        if old.get(UID) != new.get(UID):
            found.append(Difference(name, "uid", old.get(UID, NOTHING), new.get(UID, NOTHING), writer))
        for path in sorted((old.keys() | new.keys()) - {UID}):
            if old.get(path) != new.get(path):
                found.append(Difference(name, path, old.get(path, NOTHING), new.get(path, NOTHING), writer))
    return tuple(found)


def passes_by_itself(difference: Difference) -> bool:
    """Tell whether a difference may go without anybody's doing: readiness, a deletion that is under way."""
    is_condition = any(f"[{taint}:" in difference.path for taint in CONDITION_TAINTS)
    return difference.path.startswith("status.") or difference.path == DELETED or is_condition


def is_under_way(found: Sequence[Difference]) -> bool:
    """Tell whether some object differs by nothing else: of one that was changed, readiness differs as long as that."""
    lasting = {each.what for each in found if not passes_by_itself(each)}
    return any(each.what not in lasting for each in found)


def object_name(kind: str, raw: Mapping[str, Any]) -> str:
    """Return "Kind namespace/name" of an object as the API gives it."""
    metadata = raw["metadata"]
    place = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return f"{kind} {place}{metadata['name']}"


def facts(kind: str, raw: Mapping[str, Any]) -> dict[str, str]:
    """Return what of an object is compared. Of a Secret only hashes of its values."""
    metadata = raw["metadata"]
    found = {UID: str(metadata.get("uid", ""))}
    for part in ("labels", "annotations"):
        kept = {key: value for key, value in (metadata.get(part) or {}).items() if key not in IGNORED}
        found |= dict(_leaves(kept, f"metadata.{part}"))
    found |= dict(_leaves(metadata.get("finalizers") or [], "metadata.finalizers"))
    if metadata.get("deletionTimestamp"):
        found[DELETED] = "being deleted"
    for part in raw.keys() - NOT_COMPARED:
        found |= dict(_leaves(raw[part], part, hashed=kind == "Secret"))
    return found | _readiness(kind, raw.get("status") or {})


def last_writer(raw: Mapping[str, Any]) -> str:
    """Return who wrote an object's fields last, and when, by its managedFields; status apart."""
    fields = [each for each in raw["metadata"].get("managedFields") or () if each.get("subresource") != "status"]
    last = max(fields, key=lambda each: str(each.get("time", "")), default=None)
    return f"{last.get('manager', 'nobody known')} at {last.get('time', 'no time')}" if last else ""


def _readiness(kind: str, status: Mapping[str, Any]) -> dict[str, str]:
    """Return how much of an object is ready: of a node whether it is, of others how many of theirs."""
    if kind == "Node":
        ready = [each["status"] for each in status.get("conditions") or () if each["type"] == "Ready"]
        return {"status.Ready": ready[0] if ready else NOTHING}
    return {f"status.{count}": str(status[count]) for count in READY_COUNTS if status.get(count)}


def _leaves(value: Any, path: str, *, hashed: bool = False) -> Iterator[tuple[str, str]]:
    """Return every value below a path; entries of a list are called by their own names where they have some."""
    if isinstance(value, Mapping):
        for key in sorted(value):
            yield from _leaves(value[key], f"{path}.{key}", hashed=hashed)
    elif isinstance(value, list) and value:
        named = [_own_name(each) if isinstance(each, Mapping) else None for each in value]
        distinct = None not in named and len(set(named)) == len(named)
        for index, each in enumerate(value):
            yield from _leaves(each, f"{path}[{named[index] if distinct else index}]", hashed=hashed)
    elif value is not None:
        text = value if isinstance(value, str) else json.dumps(value)
        yield path, _short(text, hashed=hashed)


def _own_name(entry: Mapping[str, Any]) -> str | None:
    """Return what an entry of a list is called: a taint by key and effect, since a node may have a key twice."""
    if "effect" in entry and "key" in entry:
        return f"{entry['key']}:{entry['effect']}"
    name = entry.get("name") or entry.get("key")
    return None if name is None else str(name)


def _short(text: str, *, hashed: bool) -> str:
    if hashed or len(text) > LONG:
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:16]} ({len(text)} characters)"
    return text
