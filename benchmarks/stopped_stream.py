"""What a fail-over of Postgres loses when replication stands still before it: at the standbys' end, or the primary's.

`python benchmarks/stopped_stream.py` starts a hub with fail-over for each case. Rows are committed at a steady rate;
the standbys' WAL receivers, or the primary's WAL senders, are stopped, and some seconds later the primary is killed.
Stopped receivers go on right after it and read what their sockets hold, so that they lack far less. Bound: with the
senders stopped everything committed meanwhile is lost.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

import psycopg

from workbench.fault import FailoverRule, Fault, FaultType, RestartRule, VictimSelector
from workbench.scenario import PROJECT_ROOT
from workbench.target.local import LocalHub, start
from workbench.target.local.frozen import freeze, let_go_on
from workbench.target.local.postgres_children import children, title
from workbench.topology import read_topology
from workbench.waiting import happens, sleep_until

CASES = (("receivers", 5.0), ("receivers", 15.0), ("senders", 5.0))  # what is stopped, for s
ROWS_PER_S = 300
BATCH_S = 0.1
WARM_UP_S = 10.0
ROW_BYTES = 700  # random, as encrypted bodies are: the log cannot make them smaller
PROMOTED_S = 60.0
LOOK_S = 0.1
INSERT = "INSERT INTO lagging SELECT id, (SELECT gen_random_bytes(%s)) FROM generate_series(%s, %s) id"


class Writer(threading.Thread):
    """Commits a batch of rows every BATCH_S until the primary is gone; `committed`: each one's last row, and when."""

    def __init__(self, dsn: str) -> None:
        super().__init__()
        self._dsn = dsn
        self.committed: list[tuple[int, float]] = []

    def run(self) -> None:
        """Write until it fails."""
        size, last, due_s = round(ROWS_PER_S * BATCH_S), 0, time.time()
        try:
            with psycopg.connect(self._dsn, autocommit=True) as connection:
                connection.execute("CREATE TABLE lagging (id bigint PRIMARY KEY, body bytea NOT NULL)")
                while True:
                    connection.execute(INSERT, (ROW_BYTES, last + 1, last + size))
                    last += size
                    self.committed.append((last, time.time()))
                    due_s += BATCH_S
                    sleep_until(due_s)
        except psycopg.OperationalError:
            return


def lose(hub: LocalHub, stopped: str, lag_s: float) -> dict[str, Any]:
    """Lose the primary after a lag; return how many rows were committed meanwhile and how many are gone."""
    writer = Writer(hub.endpoints.postgres_dsn)
    writer.start()
    sleep_until(time.time() + WARM_UP_S)
    loss = Fault(FaultType.POSTGRES_PRIMARY_LOSS, VictimSelector(role="primary"))
    victim = hub.resolve(loss)
    if stopped == "senders":
        injection = hub.inject(Fault(loss.type, loss.victim, lag_s=lag_s), victim)
    else:
        standbys = [each.process_id for each in hub.processes() if each.name in ("postgres-2", "postgres-3")]
        receivers = [each for standby in standbys for each in children(standby) if "walreceiver" in title(each)]
        try:
            assert all(freeze(each) for each in reversed(receivers))
            sleep_until(time.time() + lag_s)
            injection = hub.inject(loss, victim)
        finally:
            let_go_on(receivers)
    assert injection.effective, injection.evidence
    writer.join()
    assert happens(lambda: hub.standbys() is not None, PROMOTED_S, LOOK_S)
    with psycopg.connect(hub.endpoints.postgres_dsn) as connection:
        row = connection.execute("SELECT coalesce(max(id), 0) FROM lagging").fetchone()
    kept, last = int(row[0]) if row else 0, writer.committed[-1][0]
    before = max((id for id, at_s in writer.committed if at_s < injection.injected_s - lag_s), default=0)
    return {"stopped": stopped, "lag_s": lag_s, "committed_meanwhile": last - before, "lost": last - kept}


def main() -> None:
    """Print each case as JSON; exit with 1 when the bound is not kept."""
    topology = read_topology(PROJECT_ROOT / "manifests" / "base")
    rules = RestartRule.KUBELET_RULES, FailoverRule.KUBEGRES_RULES
    kept = True
    for stopped, lag_s in CASES:
        with start(topology, seed=1, restart=rules[0], failover=rules[1]) as hub:
            found = lose(hub, stopped, lag_s)
        print(json.dumps(found), flush=True)
        batch = round(ROWS_PER_S * BATCH_S)
        kept &= stopped != "senders" or abs(found["lost"] - found["committed_meanwhile"]) <= 2 * batch
    if not kept:
        sys.exit(1)


if __name__ == "__main__":
    main()
