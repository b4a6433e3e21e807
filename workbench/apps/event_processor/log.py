"""Structured log: one JSON object a line on stderr.

Bodies of events, the encryption key and connection strings never appear in it; an error of a server is
named by its class and its code (`describe`), not by its text, which could quote any of them.
"""

from __future__ import annotations

import logging
import sys
from typing import Final

import orjson
import psycopg
from confluent_kafka import KafkaError, KafkaException

LOGGER: Final = logging.getLogger("event_processor")


class _JsonLines(logging.Formatter):
    """Formats a record as one line of JSON; `extra={"data": {...}}` becomes its fields."""

    def __init__(self, processor_index: int) -> None:
        super().__init__()
        self._processor_index = processor_index

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "t": record.created,
            "level": record.levelname.lower(),
            "processor": self._processor_index,
            "message": record.getMessage(),
            **getattr(record, "data", {}),
        }
        return orjson.dumps(line, default=str).decode()


def start_log(level: str, processor_index: int) -> None:
    """Send the processor's log to stderr from `level` on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines(processor_index))
    LOGGER.handlers[:] = [handler]
    LOGGER.setLevel(level)
    LOGGER.propagate = False


def info(message: str, **data: object) -> None:
    """Log what an operator wants to see."""
    LOGGER.info(message, extra={"data": data})


def warning(message: str, **data: object) -> None:
    """Log a trouble the processor deals with itself."""
    LOGGER.warning(message, extra={"data": data})


def error(message: str, **data: object) -> None:
    """Log what ends the processor."""
    LOGGER.error(message, extra={"data": data})


def describe(problem: BaseException) -> str:
    """Return a server's error as its class and code."""
    code: object = None
    if isinstance(problem, psycopg.Error):
        code = problem.sqlstate
    elif isinstance(problem, KafkaException) and isinstance(problem.args[0], KafkaError):
        code = problem.args[0].name()
    name = type(problem).__name__
    return f"{name} {code}" if code else name
