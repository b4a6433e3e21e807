"""The gateway's log: a store's first failure and its return, not every request in between."""

from __future__ import annotations

import logging
from typing import Final

import psycopg

from workbench.apps import json_log

LOGGER: Final = logging.getLogger("gateway")


def start_log(level: str) -> None:
    """Send the gateway's log to stderr from `level` on, and what the server and the pool warn of."""
    json_log.start_log(LOGGER, level, application="gateway")
    for name in ("uvicorn", "psycopg.pool"):
        json_log.start_log(logging.getLogger(name), "ERROR", application="gateway")


class StoreLog:
    """Notes when one store stops answering and when it answers again."""

    def __init__(self, store: str) -> None:
        self._store = store
        self._failing = False

    def failed(self, problem: Exception) -> None:
        """Note a failure; only the first is logged."""
        if not self._failing:
            self._failing = True
            code = problem.sqlstate if isinstance(problem, psycopg.Error) else None
            LOGGER.warning(f"{self._store} does not answer", extra={"data": {"error": json_log.name_of(problem, code)}})

    def answered(self) -> None:
        """Note an answer; only the first after a failure is logged."""
        if self._failing:
            self._failing = False
            LOGGER.info(f"{self._store} answers again")
