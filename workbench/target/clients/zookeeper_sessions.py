"""Reading ZooKeeper with any server dead or silent: a session of its own with each server, asked one after another.

A client that goes through all servers by itself stays with one that went silent for two thirds of its session.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any, Final

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException, NoNodeError
from kazoo.handlers.threading import KazooTimeoutError

from workbench.errors import ToolFailed
from workbench.target.clients.addresses import Address
from workbench.waiting import happens

CONNECT_TIMEOUT_S: Final = 10.0  # for the first session
AGAIN_TIMEOUT_S: Final = 2.0  # for one of them, when all are lost
ANSWER_TIMEOUT_S: Final = 0.5  # a live server answers in milliseconds
LOOK_S: Final = 0.01
RECONNECT: Final = {"max_tries": -1, "delay": 0.1, "max_delay": 0.5}

_SILENT: Final = logging.getLogger("workbench.kazoo")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


class ZooKeeperSessions:
    """One session a server. Threads may share it."""

    def __init__(self, servers: Mapping[int, Address]) -> None:
        self._servers = servers
        self._lock = threading.Lock()
        self._clients: dict[int, KazooClient] = {}
        self._order = sorted(servers)  # who was silent when last asked comes last

    @property
    def near(self) -> bool:
        """Tell whether some server can be asked at once; true before the first question."""
        return not self._clients or self._some_connected()

    def ask(self, method: str, path: str) -> Any:
        """Return the answer of a reading KazooClient method; NoNodeError passes. Raises ToolFailed without one."""
        self._open()
        reasons = []
        for server in tuple(self._order):
            client = self._clients[server]
            if not client.connected:
                reasons.append(f"{server}: not connected")
                continue
            try:
                return getattr(client, f"{method}_async")(path).get(timeout=ANSWER_TIMEOUT_S)
            except NoNodeError:
                raise
            except (KazooException, KazooTimeoutError) as error:
                reasons.append(f"{server}: {type(error).__name__} {error}".rstrip())
                self._ask_last(server)
        raise ToolFailed(f"ZooKeeper did not answer for {path}: {'; '.join(reasons)}")

    def close(self) -> None:
        """End every session; the next question opens new ones."""
        with self._lock:
            for client in self._clients.values():
                client.stop()
                client.close()
            self._clients = {}

    def _open(self) -> None:
        """Open the sessions and wait for one of them; where there are some already, wait for one that is connected."""
        with self._lock:
            timeout_s = AGAIN_TIMEOUT_S if self._clients else CONNECT_TIMEOUT_S
            if not self._clients:
                self._clients = {
                    server: KazooClient(str(at), read_only=False, connection_retry=RECONNECT, logger=_SILENT)
                    for server, at in self._servers.items()
                }
                for client in self._clients.values():
                    client.start_async()
        happens(self._some_connected, timeout_s, LOOK_S)

    def _some_connected(self) -> bool:
        return any(client.connected for client in tuple(self._clients.values()))

    def _ask_last(self, server: int) -> None:
        with self._lock:
            self._order = [*(each for each in self._order if each != server), server]
