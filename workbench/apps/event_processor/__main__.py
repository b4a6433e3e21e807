"""Start one event processor. Exit codes: 0 after SIGTERM or SIGINT, 1 a failure it cannot repair, 2 bad settings."""

from __future__ import annotations

import os
import signal
import sys
import threading

from confluent_kafka import KafkaException

from workbench.apps.environment import BadSettings
from workbench.apps.event_processor import log
from workbench.apps.event_processor.consumer import Processor
from workbench.apps.event_processor.metrics import Metrics
from workbench.apps.event_processor.settings import read_settings


def main() -> int:
    """Run until a signal asks to end; return the exit code."""
    try:
        settings = read_settings(os.environ)
    except BadSettings as bad:
        log.start_log("ERROR", -1)
        log.error("bad settings", problems=bad.problems)
        return 2
    log.start_log(settings.log_level, settings.processor_index)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    metrics = Metrics()
    try:
        metrics.serve(settings.metrics_address, settings.metrics_port)
        Processor(settings, metrics, stop).run()
    except (KafkaException, OSError) as problem:
        log.error("cannot go on", error=log.describe(problem))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
