"""The canary: a subprocess without gevent that writes a few times a second to every partition.

Run as `python -m workbench.load.canary` with the plan's path in the environment. Without it, a partition
that seldom gets an event could not be judged. SIGTERM stops it at once.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from workbench.errors import WorkbenchError
from workbench.load.pacing import Pacer
from workbench.load.plan import PLAN_VARIABLE, LoadPlan, StopWatch, read_plan, write_counts
from workbench.load.producer import KafkaWriter
from workbench.workload import CANARY_SOURCE


def run(plan: LoadPlan, watch: StopWatch) -> None:
    """Send the canary's share until the plan or `watch` ends it; wait for the answers and write the counts."""
    writer = KafkaWriter(plan, CANARY_SOURCE, _start_thread)
    pacer = Pacer(plan.share(CANARY_SOURCE), writer, watch)
    while (wait_s := pacer.step()) is not None:
        time.sleep(wait_s)
    pacer.finish()
    write_counts(plan.load, CANARY_SOURCE, writer.counts())


def _start_thread(work: Callable[[], None]) -> None:
    """Start a native thread."""
    threading.Thread(target=work, name="kafka-poll", daemon=True).start()


def main() -> int:
    """Run the canary of the plan that the environment names; return the exit code."""
    try:
        plan = read_plan(Path(os.environ[PLAN_VARIABLE]))
        watch = StopWatch(plan.load)

        def stop(_signal_number: int, _frame: FrameType | None) -> None:
            watch.now()

        signal.signal(signal.SIGTERM, stop)
        run(plan, watch)
    except WorkbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
