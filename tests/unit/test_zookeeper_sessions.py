"""ZooKeeper is asked at one server after another: a silent one costs a moment once, and is asked last then."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from kazoo.exceptions import NoNodeError
from kazoo.handlers.threading import KazooTimeoutError

from workbench.errors import ToolFailed
from workbench.target.clients import zookeeper_sessions
from workbench.target.clients.addresses import on_loopback
from workbench.target.clients.zookeeper_sessions import ZooKeeperSessions


class AClient:
    """A client of one server, known by its port: 1 is silent, 2 answers, 3 is not connected."""

    asked: ClassVar[list[int]] = []

    def __init__(self, hosts: str, **_: Any) -> None:
        self.port = int(hosts.rpartition(":")[2])
        self.connected = False

    def start_async(self) -> None:
        """Connect."""
        self.connected = self.port != 3

    def stop(self) -> None:
        """Disconnect."""
        self.connected = False

    def close(self) -> None:
        """Do nothing more."""

    def get_children_async(self, path: str) -> Any:
        """Return what a server says of a path."""
        AClient.asked.append(self.port)

        def get(timeout: float) -> list[str]:
            if self.port == 1:
                raise KazooTimeoutError(f"nothing for {timeout:g} s")
            if path == "/none":
                raise NoNodeError
            return [f"{path}@{self.port}"]

        return SimpleNamespace(get=get)


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> ZooKeeperSessions:
    """Return the sessions with three such servers."""
    monkeypatch.setattr(zookeeper_sessions, "KazooClient", AClient)
    monkeypatch.setattr(AClient, "asked", [])
    return ZooKeeperSessions(on_loopback({1: 1, 2: 2, 3: 3}))


def test_a_silent_server_is_asked_last_from_then_on(sessions: ZooKeeperSessions) -> None:
    """The answer is the next one's; what is not there is an answer, too."""
    assert sessions.near
    assert sessions.ask("get_children", "/brokers") == ["/brokers@2"]
    assert sessions.ask("get_children", "/brokers") == ["/brokers@2"]
    assert AClient.asked == [1, 2, 2]
    with pytest.raises(NoNodeError):
        sessions.ask("get_children", "/none")


def test_without_an_answer_each_servers_trouble_is_told(
    sessions: ZooKeeperSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And when all sessions are closed, the next question opens new ones."""
    only_silent = ZooKeeperSessions(on_loopback({1: 1, 3: 3}))
    with pytest.raises(ToolFailed, match=r"1: KazooTimeoutError nothing for 0\.5 s; 3: not connected"):
        only_silent.ask("get_children", "/brokers")
    sessions.ask("get_children", "/brokers")
    sessions.close()
    assert sessions.near  # nothing is known against it
    assert sessions.ask("get_children", "/brokers") == ["/brokers@2"]
