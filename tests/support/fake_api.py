"""An HTTP server of a few lines in place of a cluster's API, for what a real one cannot be made to do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml


class _Server(ThreadingHTTPServer):
    """Lets as many wait as a client asks side by side; with the 5 of the library some would be turned away."""

    request_queue_size = 64


class JsonHandler(BaseHTTPRequestHandler):
    """Answers in JSON, and writes no log."""

    def answer(self, status: int, content: Any) -> None:
        """Send an answer."""
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(handler: type[BaseHTTPRequestHandler], kubeconfig: Path) -> Iterator[None]:
    """Serve while the block runs; `kubeconfig` is written for it."""
    server = _Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    clusters = [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}]
    users = [{"name": "u", "user": {"token": "t"}}]
    kubeconfig.write_text(
        yaml.safe_dump({"clusters": clusters, "users": users, "contexts": [context], "current-context": "c"})
    )
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
