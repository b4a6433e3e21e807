"""Watches on a cluster's API that fail or fall silent: told, and never taken for "nothing changed"."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.support.fake_api import served
from workbench.drill.nodes import watching
from workbench.drill.nodes.facts import Facts
from workbench.errors import ToolFailed
from workbench.target.kubernetes.api import Api
from workbench.waiting import happens

NODE = {"metadata": {"name": "w", "resourceVersion": "1"}, "spec": {}, "status": {"conditions": []}}


class _Api(BaseHTTPRequestHandler):
    """Lists one node, and nothing else; a watch gets headers and then nothing, until `ends` is set."""

    ends = threading.Event()
    lists = True

    def do_GET(self) -> None:
        watches = "watch=True" in self.path
        if not watches and not self.lists:
            self.send_error(403)
            return
        items = [NODE] if "/nodes" in self.path else []
        body = b"" if watches else json.dumps({"metadata": {"resourceVersion": "1"}, "items": items}).encode()
        self.send_response(200)
        if not watches:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if watches:
            self.ends.wait(30.0)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """An API server that falls silent."""
    monkeypatch.setattr(watching, "WATCH_S", 1)
    monkeypatch.setattr(watching, "GRACE_S", 0.2)
    monkeypatch.setattr(_Api, "ends", threading.Event())
    with served(_Api, tmp_path / "kubeconfig"):
        yield Api(tmp_path / "kubeconfig")
        _Api.ends.set()


def test_silence_is_no_answer(api: Api) -> None:
    """A watch on which not even its end comes is an error, found out while the block still runs."""
    facts = Facts()
    seen: list[Exception] = []

    def fails() -> bool:
        try:
            check()
        except ToolFailed as error:
            seen.append(error)
        return bool(seen)

    with (
        pytest.raises(ToolFailed, match="a watch on the cluster failed"),
        watching.watched(api, "n", {}, facts) as check,
    ):
        assert [fact.name for fact in facts.nodes] == ["w"]
        assert happens(fails, 20.0, 0.1)
    assert seen


def test_what_may_not_be_listed_is_told(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API's own reason, before anything is broken."""
    monkeypatch.setattr(_Api, "lists", False)
    monkeypatch.setattr(watching, "LIST_TIMEOUT_S", 5.0)
    with pytest.raises(ToolFailed, match="403"), watching.watched(api, "n", {}, Facts()):
        pytest.fail("nothing was listed")
