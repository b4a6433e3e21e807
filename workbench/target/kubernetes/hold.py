"""A drill's hold on a cluster, from its snapshot to the proof that nothing of the drill is left."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from workbench.errors import MachineTrouble, Stopped, ToolFailed, UndoUnverified
from workbench.records.folder import dump_json, write_durably
from workbench.safety.snapshot import Difference, Snapshot
from workbench.safety.undo import ClusterObject, DrillRecord, Undo, UndoEntry
from workbench.target.kubernetes.api import Api
from workbench.target.kubernetes.record import ClusterRecord
from workbench.target.kubernetes.snapshots import take_snapshot
from workbench.target.kubernetes.undoing import audit, undo_all

Say = Callable[[str], None]
BEAT_S: Final = 3.0
AWAY_S: Final = 60.0  # an API server comes back within: its kubelet starts it again
TOLD_MAX: Final = 20  # differences in one message


class Hold:
    """What a driver has while it holds a cluster. `folder` is that of its run; the record is kept in both places."""

    def __init__(self, api: Api, record: DrillRecord, folder: Path) -> None:
        self._api = api
        self._record = record
        self._cluster = ClusterRecord(api)
        self._folder = folder
        self._before: Snapshot | None = None
        self._ends = threading.Event()
        self._beating = threading.Thread(target=self._beat, daemon=True)

    def take(self) -> None:
        """Take the cluster and keep what it is like. Raises BadInput while another drill's record is on it."""
        self._cluster.take(self._record)
        self._beating.start()
        try:
            self._before = take_snapshot(self._api)
            write_durably(self._folder / "snapshot.json.gz", self._before.to_bytes())
            write_durably(self._folder / "undo.json", self._record.to_json().encode())
            self._cluster.write(self._record, self._before)
        except BaseException:  # Ctrl-C too: nothing was broken yet, so nothing may stay
            self._stop_beating()
            self._cluster.remove()
            raise

    def add(self, fault: str, victims: tuple[ClusterObject, ...], undo: Undo) -> None:
        """Write down what is about to be broken, in the run folder and on the cluster; return when both have it.

        Raises Stopped when the cluster was taken from this drill.
        """
        entry = UndoEntry(fault, victims, undo, time.time())
        path = self._folder / "undo.json"
        kept = self._cluster.read()
        if kept is not None:
            write_durably(path, kept.with_entry(entry).to_json().encode())
        self._cluster.add(self._record.run_id, entry)

    def finish(self) -> None:
        """Undo all, compare with the snapshot and let go.

        Raises UndoUnverified with every difference where there is one, and the record stays for `workbench recover`.
        """
        try:
            left = self._undone_at_last()
        except (MachineTrouble, Stopped) as error:
            raise UndoUnverified(f"the undo could not be verified: {error}; later: workbench recover") from error
        finally:
            self._stop_beating()
        write_durably(self._folder / "residue.json", dump_json([str(each) for each in left]))
        if left:
            raise UndoUnverified(residue_words(left))
        self._cluster.remove()

    def _undone_at_last(self) -> tuple[Difference, ...]:
        """Undo and compare; an API that is away is tried again for AWAY_S. Raises as `_undone` does then."""
        deadline_s = time.monotonic() + AWAY_S
        while True:
            try:
                return self._undone()
            except ToolFailed:
                if time.monotonic() > deadline_s:
                    raise
            time.sleep(BEAT_S)

    def _undone(self) -> tuple[Difference, ...]:
        record = self._cluster.read()
        if record is None or record.run_id != self._record.run_id or self._before is None:
            raise Stopped("somebody recovered the cluster from this drill")
        undo_all(self._api, record)
        return audit(self._api, self._before)

    def _beat(self) -> None:
        while True:
            with contextlib.suppress(ToolFailed):  # an API that is away comes back, or the drill ends by itself
                self._cluster.beat()
            if self._ends.wait(BEAT_S):
                return

    def _stop_beating(self) -> None:
        self._ends.set()
        if self._beating.is_alive():
            self._beating.join()


def residue_words(left: tuple[Difference, ...]) -> str:
    """Return what a person is told of differences."""
    more = f"; and {len(left) - TOLD_MAX} more" if len(left) > TOLD_MAX else ""
    return f"{len(left)} differences to before the drill: {'; '.join(map(str, left[:TOLD_MAX]))}{more}"


def a_record(run_id: str, power: str = "", namespace: str = "") -> DrillRecord:
    """Return the record of a drill that this process drives."""
    return DrillRecord(run_id, f"{socket.gethostname()}:{os.getpid()}", time.time(), power, namespace)


@contextmanager
def held(api: Api, record: DrillRecord, folder: Path) -> Iterator[Hold]:
    """Hold the cluster for the time of a block; afterwards nothing of the drill is left; else UndoUnverified."""
    hold = Hold(api, record, folder)
    hold.take()
    try:
        yield hold
    finally:
        hold.finish()
