"""A server of a few lines that answers as Prometheus does, with answers written down; it measures nothing.

Their form is that of prometheus.io/docs/prometheus/latest/querying/api ("Instant queries", "Format overview").
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

NOTHING: dict[str, Any] = {"status": "success", "data": {"resultType": "vector", "result": []}}
BAD_QUERY = {"status": "error", "errorType": "bad_data", "error": "invalid parameter"}


def vector(*samples: tuple[dict[str, str], str]) -> dict[str, Any]:
    """Return an answer with samples: labels and value."""
    result = [{"metric": labels, "value": [1435781451.781, value]} for labels, value in samples]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


def alert(name: str, **labels: str) -> dict[str, Any]:
    """Return what ALERTS holds while an alert fires."""
    return vector(({"__name__": "ALERTS", "alertname": name, "alertstate": "firing", **labels}, "1"))


@contextmanager
def answering(answers: dict[str, Any]) -> Iterator[str]:
    """Serve answers by query, NOTHING for others, while the block runs; yields the address. A str is sent as it is."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer an instant query."""
            parts = urlsplit(self.path)
            assert parts.path == "/api/v1/query"
            found = answers.get(parse_qs(parts.query)["query"][0], NOTHING)
            data = (found if isinstance(found, str) else json.dumps(found)).encode()
            self.send_response(400 if found is BAD_QUERY else 200)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_arguments: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
