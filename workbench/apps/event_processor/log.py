"""The processor's log: words with data, and servers' errors without their texts."""

from __future__ import annotations

import logging
from typing import Final

import psycopg
from confluent_kafka import KafkaError, KafkaException

from workbench.apps import json_log

LOGGER: Final = logging.getLogger("event_processor")


def start_log(level: str, processor_index: int) -> None:
    """Send the processor's log to stderr from `level` on."""
    json_log.start_log(LOGGER, level, processor=processor_index)


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
    return json_log.name_of(problem, code)
