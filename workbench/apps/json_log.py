"""Structured log of the hub's applications: one JSON object a line on stderr.

Bodies of events, keys, tokens and connection strings never appear in it; an error of a server is named by its
class and its code (`name_of`), not by its text, which could quote any of them.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping

import orjson


class _JsonLines(logging.Formatter):
    """Formats a record as one line of JSON; `extra={"data": {...}}` becomes its fields."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        super().__init__()
        self._fields = fields

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "t": record.created,
            "level": record.levelname.lower(),
            **self._fields,
            "message": record.getMessage(),
            **getattr(record, "data", {}),
        }
        return orjson.dumps(line, default=str).decode()


def start_log(logger: logging.Logger, level: str, **fields: object) -> None:
    """Send a logger's lines to stderr from `level` on; each carries `fields`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines(fields))
    logger.handlers[:] = [handler]
    logger.setLevel(level)
    logger.propagate = False


def name_of(problem: BaseException, code: object = None) -> str:
    """Return an error as its class and code."""
    name = type(problem).__name__
    return f"{name} {code}" if code else name
