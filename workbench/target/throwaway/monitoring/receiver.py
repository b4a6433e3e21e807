"""`python -m workbench.target.throwaway.monitoring.receiver <port>`: takes Alertmanager's webhooks, in a pod.

Each message is kept with its time and printed as a line of JSON; GET /deliveries answers all of them. In memory alone:
with its pod they are gone.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

DELIVERIES: Final = "/deliveries"
KEPT_MAX: Final = 10_000
BODY_BYTES_MAX: Final = 10_000_000
READ_TIMEOUT_S: Final = 10.0


class Receiver(ThreadingHTTPServer):
    """A server that remembers what it was sent."""

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address, Handler)
        self._deliveries: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def take(self, message: dict[str, Any], received_s: float) -> None:
        """Keep one message with the moment of its arrival (epoch s)."""
        delivery = {"received_s": received_s, "status": message["status"], "alerts": message["alerts"]}
        with self._lock:
            self._deliveries = [*self._deliveries[1 - KEPT_MAX :], delivery]
            print(json.dumps(delivery), flush=True)

    def deliveries(self) -> bytes:
        """Return all that is kept, as JSON."""
        with self._lock:
            return json.dumps(self._deliveries).encode()


class Handler(BaseHTTPRequestHandler):
    """POST gives a message, GET /deliveries asks for all of them."""

    server: Receiver
    timeout = READ_TIMEOUT_S

    def do_POST(self) -> None:
        """Take a message."""
        received_s = time.time()
        size = int(self.headers.get("Content-Length", 0))
        if size > BODY_BYTES_MAX:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"")
            return
        try:
            self.server.take(json.loads(self.rfile.read(size)), received_s)
        except (ValueError, KeyError, TypeError):
            self._answer(HTTPStatus.BAD_REQUEST, b"")
        else:
            self._answer(HTTPStatus.OK, b"")

    def do_GET(self) -> None:
        """Answer what is kept."""
        if self.path.partition("?")[0] == DELIVERIES:  # kubectl adds its time-out
            self._answer(HTTPStatus.OK, self.server.deliveries())
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"")

    def log_message(self, *_: object) -> None:
        """Say nothing of requests: the deliveries are the log."""

    def _answer(self, status: HTTPStatus, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    Receiver(("0.0.0.0", int(sys.argv[1]))).serve_forever()
