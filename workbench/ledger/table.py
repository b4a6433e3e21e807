"""The write table: the producers' log joined with the commit times, as every metric reads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workbench.errors import ToolFailed
from workbench.ledger.check import COMMITS_FILE
from workbench.ledger.fates import contains, join_log
from workbench.metrics.tables import FloatArray, IntArray, WriteTable
from workbench.records.writes import COMMIT_DTYPE, Outcome, read_log, read_rows
from workbench.topology.hub import HubTopology


def write_table(ledger: Path, topology: HubTopology, fault_s: float, commits: str = COMMITS_FILE) -> WriteTable:
    """Return every write that was sent, ordered by id, times in seconds since `fault_s` (epoch).

    acked_s is NaN unless the write was acknowledged, committed_s unless its row is in the file `commits` of
    the ledger (none are when there is no such file). Writes that were not sent are left out; the summary
    counts them. Raises ToolFailed when the log contradicts itself.
    """
    sends, answers = read_log(ledger)
    path = ledger / commits
    rows = read_rows([path] if path.exists() else [], COMMIT_DTYPE)
    writes = join_log(sends, answers)
    sent = writes.outcome != Outcome.NOT_SENT
    acked = answers[answers["outcome"] == Outcome.OK]
    flat_of_topic = np.array([topology.flat_partition(index, 0) for index in range(len(topology.topics))], np.int64)
    identity, topic = writes.id[sent], writes.topic[sent]
    if len(topic) and not 0 <= topic.min() <= topic.max() < len(flat_of_topic):
        raise ToolFailed("the write log names a topic that the topology does not have")
    return WriteTable(
        identity,
        flat_of_topic[topic] + writes.partition[sent],
        _values_at(identity, sends["id"], sends["intended_s"]) - fault_s,
        _values_at(identity, acked["id"], acked["acked_s"]) - fault_s,
        _values_at(identity, rows["id"], rows["committed_s"]) - fault_s,
        writes.canary[sent],
    )


def _values_at(identity: IntArray, ids: IntArray, values: FloatArray) -> FloatArray:
    """Return for each of `identity` the value that stands at its id, NaN where there is none."""
    order = np.argsort(ids, kind="stable")
    ids, values = ids[order], values[order]
    present = contains(ids, identity)
    result = np.full(len(identity), np.nan)
    result[present] = values[np.searchsorted(ids, identity[present])]
    return result
