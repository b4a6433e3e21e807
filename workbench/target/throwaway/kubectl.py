"""kubectl of the cluster's own release, with the administrator's kubeconfig."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from workbench.errors import BadInput, ToolFailed

TIMEOUT_S: Final = 60.0
REQUEST_TIMEOUT: Final = "20s"
LOG_LINES: Final = 50


class Kubectl:
    """Every method raises ToolFailed with kubectl's own words."""

    def __init__(self, programs: Mapping[str, Path], kubeconfig: Path) -> None:
        self._start = [str(programs["kubectl"]), f"--kubeconfig={kubeconfig}", f"--request-timeout={REQUEST_TIMEOUT}"]

    def apply(self, manifests: str) -> None:
        """Apply objects, as their only manager."""
        self._run(
            "apply", "--server-side", "--force-conflicts", "--field-manager=hub-workbench", "-f", "-", text=manifests
        )

    def delete(self, kind: str, name: str, namespace: str) -> None:
        """Delete an object if it is there, and return when it is gone."""
        if not name:
            raise BadInput(f"no name of the {kind} to delete")  # without one the API would take all of them
        where = f"--namespace={namespace}"
        self._run("delete", kind, name, where, "--ignore-not-found", "--wait=true", "--timeout=50s")

    def logs(self, of: str, namespace: str) -> str:
        """Return what the pod of "job/<name>", or another, has said."""
        return self._run("logs", of, f"--namespace={namespace}", f"--tail={LOG_LINES}")

    def execute(self, pod: str, namespace: str, *words: str) -> str:
        """Run a command in a pod's only container and return its output."""
        return self._run("exec", pod, f"--namespace={namespace}", "--", *words)

    def raw(self, path: str) -> str:
        """Return what the API server, or who is behind its proxy, answers at a path."""
        return self._run("get", "--raw", path)

    def items(self, kind: str, *options: str) -> list[dict[str, Any]]:
        """Return the objects of a kind, as the API gives them."""
        items: list[dict[str, Any]] = json.loads(self._run("get", kind, "-o", "json", *options))["items"]
        return items

    def is_ready(self) -> bool:
        """Tell whether the API server says that it is."""
        try:
            return self.raw("/readyz") == "ok"
        except ToolFailed:
            return False

    def _run(self, *arguments: str, text: str = "") -> str:
        try:
            done = subprocess.run(
                [*self._start, *arguments], input=text, capture_output=True, text=True, timeout=TIMEOUT_S, check=True
            )
        except subprocess.CalledProcessError as error:
            raise ToolFailed(f"kubectl {arguments[0]}: {error.stderr.strip()}") from error
        except subprocess.TimeoutExpired as error:
            raise ToolFailed(f"kubectl {arguments[0]} did not answer within {TIMEOUT_S:.0f} s") from error
        return done.stdout
