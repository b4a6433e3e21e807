"""The API server as a pod reaches it: by its service account's token, with a bound on every request."""

from __future__ import annotations

import json
import os
import ssl
import urllib.request
from pathlib import Path
from typing import Any, Final

ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TIMEOUT_S: Final = 20.0


class InCluster:
    """Requests of one pod; each raises OSError (urllib.error.HTTPError, URLError) when it is not done."""

    def __init__(self) -> None:
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        self._server = f"https://{host}:{port}"
        self._context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))

    def get(self, path: str) -> dict[str, Any]:
        """Return an object or a list."""
        return self._ask("GET", path)

    def post(self, path: str, thing: dict[str, Any]) -> None:
        """Make an object."""
        self._ask("POST", path, thing)

    def patch(self, path: str, change: dict[str, Any]) -> None:
        """Change an object by a JSON merge patch."""
        self._ask("PATCH", path, change, "application/merge-patch+json")

    def delete(self, path: str) -> None:
        """Delete an object; what it owns goes after it."""
        self._ask("DELETE", path, {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"})

    def _ask(
        self, method: str, path: str, thing: dict[str, Any] | None = None, form: str = "application/json"
    ) -> dict[str, Any]:
        token = (ACCOUNT / "token").read_text()  # renewed by the kubelet
        headers = {"Authorization": f"Bearer {token}", "Content-Type": form, "Accept": "application/json"}
        data = None if thing is None else json.dumps(thing).encode()
        request = urllib.request.Request(f"{self._server}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=self._context) as answer:
            told: dict[str, Any] = json.loads(answer.read())
        return told
