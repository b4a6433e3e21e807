"""A drill's record on the cluster itself: a namespace that only one drill can make, and ConfigMaps in it.

The namespace's creation is the lock: the API server lets one drill make it. What is in it says who holds the cluster,
what it was like before, and what is to be undone.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from typing import Any, Final

from kubernetes import client

from workbench.errors import BadInput, Stopped, ToolFailed
from workbench.safety.snapshot import Snapshot
from workbench.safety.undo import DrillRecord, UndoEntry, read_drill_record
from workbench.target.kubernetes.api import Api, api_failures
from workbench.target.kubernetes.snapshots import NAMESPACE
from workbench.waiting import happens

RECORD: Final = "drill"
BEAT: Final = "drill-beat"
PART: Final = "drill-snapshot-"
CONTENT: Final = "content"
PART_BYTES: Final = 600_000  # of the 1 MiB that a ConfigMap may hold, in base64
PARTS_MAX: Final = 64
GONE_TIMEOUT_S: Final = 120.0
POLL_S: Final = 0.2
CONFLICTS_MAX: Final = 10
MISSING, CONFLICT = 404, 409


class ClusterRecord:
    """The record of one cluster; every method raises ToolFailed when the API does not answer as it should."""

    def __init__(self, api: Api) -> None:
        self._core = api.core

    def take(self, record: DrillRecord) -> None:
        """Take hold of the cluster. Raises BadInput while another drill holds it, or died holding it."""
        with api_failures("the drill's namespace could not be made"):
            try:
                self._core.create_namespace(_namespace(record.run_id))
            except client.ApiException as error:
                if error.status != CONFLICT:
                    raise
                holder = self.holder()
                raise BadInput(
                    f"drill {holder} holds this cluster or died holding it: `workbench recover` looks, and undoes what "
                    "is left of a dead one"
                ) from error

    def holder(self) -> str:
        """Return the id of the run that holds the cluster, "" if none does."""
        with api_failures("the drill's namespace could not be looked for"):
            found = self._core.list_namespace(field_selector=f"metadata.name={NAMESPACE}").items
        return str((found[0].metadata.annotations or {}).get(RUN, "of an unknown version")) if found else ""

    def write(self, record: DrillRecord, snapshot: Snapshot) -> None:
        """Write the snapshot, then the record: where there is a record there is a whole snapshot."""
        data = snapshot.to_bytes()
        parts = [data[start : start + PART_BYTES] for start in range(0, len(data), PART_BYTES)]
        if len(parts) > PARTS_MAX:
            raise ToolFailed(f"the cluster's snapshot has {len(data)} bytes, more than fit into its record")
        with api_failures("the drill's record could not be written to the cluster"):
            for index, part in enumerate(parts):
                binary = {CONTENT: base64.b64encode(part).decode()}
                self._core.create_namespaced_config_map(NAMESPACE, _config_map(f"{PART}{index:02}", binary=binary))
            self._core.create_namespaced_config_map(NAMESPACE, _config_map(RECORD, {CONTENT: record.to_json()}))

    def read(self) -> DrillRecord | None:
        """Return the record; None where its drill died before it was written, and so before anything was broken."""
        found = self._find(RECORD)
        return None if found is None else read_drill_record(found.data[CONTENT])

    def snapshot(self) -> Snapshot:
        """Return what the cluster was like before the drill."""
        with api_failures("the drill's snapshot could not be read"):
            every = self._core.list_namespaced_config_map(NAMESPACE).items
        parts = sorted(
            (each for each in every if each.metadata.name.startswith(PART)), key=lambda each: each.metadata.name
        )
        return Snapshot.from_bytes(b"".join(base64.b64decode(each.binary_data[CONTENT]) for each in parts))

    def add(self, run_id: str, entry: UndoEntry) -> None:
        """Write an entry down before its fault. Raises Stopped where the cluster is no longer that run's to break."""

        def with_entry(record: DrillRecord) -> DrillRecord:
            if record.recovering:
                raise Stopped(f"somebody recovers the cluster from drill {run_id}: nothing more is broken")
            return record.with_entry(entry)

        self.change(run_id, with_entry)

    def change(self, run_id: str, how: Callable[[DrillRecord], DrillRecord]) -> DrillRecord:
        """Change that run's record in one step and return it, whoever else changes it at the time."""
        for _ in range(CONFLICTS_MAX):
            found = self._find(RECORD)
            record = None if found is None else read_drill_record(found.data[CONTENT])
            if found is None or record is None or record.run_id != run_id:
                raise Stopped(f"the cluster holds no record of drill {run_id} any more: nothing more is broken")
            changed = how(record)
            found.data[CONTENT] = changed.to_json()
            try:
                with api_failures("the drill's record could not be changed"):
                    self._core.replace_namespaced_config_map(RECORD, NAMESPACE, found)
            except ToolFailed as failed:
                cause = failed.__cause__
                if isinstance(cause, client.ApiException) and cause.status == CONFLICT:
                    continue
                raise
            return changed
        raise ToolFailed(f"the drill's record was changed by others {CONFLICTS_MAX} times in a row")

    def beat(self) -> None:
        """Show that the driver lives: whoever looks twice sees another mark."""
        mark = {CONTENT: secrets.token_hex(8)}
        with api_failures("the driver's mark could not be written"):
            if self._find(BEAT) is None:
                self._core.create_namespaced_config_map(NAMESPACE, _config_map(BEAT, mark))
            else:
                self._core.patch_namespaced_config_map(BEAT, NAMESPACE, {"data": mark})

    def mark(self) -> str:
        """Return the driver's last mark, "" if it made none."""
        found = self._find(BEAT)
        return "" if found is None else str(found.data[CONTENT])

    def remove(self) -> None:
        """Let go of the cluster: the record and whatever else is in its namespace goes. Idempotent."""
        if not self.holder():
            return
        with api_failures("the drill's record could not be removed"):
            try:
                self._core.delete_namespace(NAMESPACE)
            except client.ApiException as error:
                if error.status not in (MISSING, CONFLICT):  # gone, or going
                    raise
        if not happens(lambda: not self.holder(), GONE_TIMEOUT_S, POLL_S):
            raise ToolFailed(f"namespace {NAMESPACE} is not gone after {GONE_TIMEOUT_S:.0f} s")

    def _find(self, name: str) -> Any:
        with api_failures(f"ConfigMap {NAMESPACE}/{name} could not be read"):
            try:
                return self._core.read_namespaced_config_map(name, NAMESPACE)
            except client.ApiException as error:
                if error.status == MISSING:
                    return None
                raise


RUN: Final = "hub-workbench/run"


def _namespace(run_id: str) -> dict[str, Any]:
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}  # for the agents
    metadata = {"name": NAMESPACE, "labels": labels, "annotations": {RUN: run_id}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def _config_map(name: str, data: dict[str, str] | None = None, binary: dict[str, str] | None = None) -> dict[str, Any]:
    content = {"data": data} if data is not None else {"binaryData": binary}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NAMESPACE}, **content}
