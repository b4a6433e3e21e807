"""Start one gateway. Exit codes: 0 after SIGTERM or SIGINT, 1 a failure it cannot repair, 2 bad settings."""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import Final

import uvicorn

from workbench.apps.environment import BadSettings
from workbench.apps.gateway import log
from workbench.apps.gateway.service import Gateway
from workbench.apps.gateway.settings import Settings, read_settings

CONNECTIONS_MAX: Final = 1000  # more clients are told 503 by the server itself
KEEP_ALIVE_S: Final = 75  # longer than clients pause between two requests
LAST_ANSWERS_S: Final = 5


def main() -> int:
    """Serve until a signal asks to end; return the exit code."""
    try:
        settings = read_settings(os.environ)
    except BadSettings as bad:
        log.start_log("ERROR")
        log.LOGGER.error("bad settings", extra={"data": {"problems": bad.problems}})
        return 2
    log.start_log(settings.log_level)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the server ends in order, then raises the signal again
    try:
        return _serve(settings)
    except OSError as problem:
        log.LOGGER.error("cannot listen", extra={"data": {"error": str(problem), "port": settings.port}})
        return 1
    except KeyboardInterrupt:
        log.LOGGER.info("ended")
        return 0


def _serve(settings: Settings) -> int:
    """Serve until a signal comes, which is raised as KeyboardInterrupt. Raises OSError when the port is taken."""
    listener = socket.create_server((settings.listen_address, settings.port))
    log.LOGGER.info("started", extra={"data": {"port": settings.port}})
    uvicorn.Server(_server(settings)).run(sockets=[listener])
    return 1


def _server(settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        Gateway(settings).application(),
        log_config=None,
        access_log=False,
        server_header=False,
        loop="asyncio",  # psycopg knows no other
        http="h11",
        ws="none",
        lifespan="on",
        limit_concurrency=CONNECTIONS_MAX,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=LAST_ANSWERS_S,
    )


if __name__ == "__main__":
    sys.exit(main())
