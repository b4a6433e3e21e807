"""A pod on each node that sees the node's processes: agent.py in the hub's own image, gone when the drill is.

It runs in the namespace of the drill's record (record.py), in which Pod Security admission allows `privileged`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any, Final

from kubernetes import client
from kubernetes.stream import stream

from workbench.errors import ToolFailed
from workbench.target.kubernetes.api import Api, api_failures
from workbench.target.kubernetes.snapshots import NAMESPACE

LABEL: Final = "hub-workbench/agent"
PYTHON: Final = "/usr/local/bin/python"
SCRIPT: Final = resources.files("workbench.target.kubernetes").joinpath("agent.py").read_text()
STARTS_TIMEOUT_S: Final = 90.0
ANSWER_TIMEOUT_S: Final = 75.0  # longer than an agent waits for an end
GONE_TIMEOUT_S: Final = 60.0
POLL_S: Final = 0.2


class Agents:
    """The agents of one cluster; every method raises ToolFailed when the API or an agent does not answer."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def start(self, nodes: Iterable[str], image: str) -> None:
        """Start an agent on each node and return when all of them run."""
        wanted = sorted(nodes)
        with api_failures("the agents could not be started"):
            for node in wanted:
                self._api.core.create_namespaced_pod(NAMESPACE, _pod(node, image))
        self._wait(lambda: self._running() == wanted, STARTS_TIMEOUT_S, "the agents run")

    def remove(self) -> None:
        """Remove what there is of agents, and return when they are gone. Idempotent."""
        with api_failures("the agents could not be removed"):
            for pod in self._pods():
                self._api.core.delete_namespaced_pod(pod.metadata.name, NAMESPACE, grace_period_seconds=0)
        self._wait(lambda: not self._pods(), GONE_TIMEOUT_S, "the agents are gone")

    def kill(self, node: str, uid: str, signal_name: str) -> Mapping[str, Any]:
        """Send a signal to the first process of a pod and wait for its end: see agent.py."""
        answer: dict[str, Any] = json.loads(self._ask(node, "kill", uid, signal_name))
        return answer

    def freeze_kubelet(self, node: str, for_s: float) -> Mapping[str, Any]:
        """Stop a node's kubelet, a second from now, for so long; the node itself lets it go on: see agent.py."""
        answer: dict[str, Any] = json.loads(self._ask(node, "freeze", "kubelet", repr(for_s)))
        return answer

    def cpu_s(self, node: str, uid: str) -> float:
        """Return the computing time (s) of a pod's processes."""
        return float(json.loads(self._ask(node, "cpu", uid))["cpu_s"])

    def journal(self, node: str) -> list[dict[str, Any]]:
        """Return what the agent of a node has noted: starts and ends, in their order."""
        with api_failures(f"the agent of {node} could not be read"):
            # As it is: the client would take a log that looks like JSON for an object and write it otherwise.
            answer = self._api.core.read_namespaced_pod_log(_name(node), NAMESPACE, _preload_content=False)
        return [json.loads(line) for line in answer.data.decode().splitlines()]

    def _pods(self) -> list[Any]:
        with api_failures("the agents could not be listed"):
            return list(self._api.core.list_namespaced_pod(NAMESPACE, label_selector=LABEL).items)

    def _running(self) -> list[str]:
        return sorted(pod.spec.node_name for pod in self._pods() if pod.status.phase == "Running")

    def _ask(self, node: str, *words: str) -> str:
        """Run agent.py's command in the agent of a node and return what it printed."""
        # stream() changes the client it is given for good, so each question has one of its own.
        core = client.CoreV1Api(self._api.fresh())
        with api_failures(f"the agent of {node} could not be asked"):
            answers = stream(
                core.connect_get_namespaced_pod_exec,
                _name(node),
                NAMESPACE,
                command=[PYTHON, "-c", SCRIPT, *words],
                stdout=True,
                stderr=True,
                stdin=False,
                tty=False,
                _preload_content=False,
            )
            answers.run_forever(timeout=ANSWER_TIMEOUT_S)
        said, complaint = answers.read_stdout(timeout=0), answers.read_stderr(timeout=0)
        if answers.is_open() or answers.returncode != 0:
            raise ToolFailed(f"the agent of {node} failed at {words[0]}: {(complaint or 'no answer').strip()[-300:]}")
        return str(said)

    @staticmethod
    def _wait(condition: Any, timeout_s: float, what: str) -> None:
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline_s:
                raise ToolFailed(f"not within {timeout_s:.0f} s: {what}")
            time.sleep(POLL_S)


def _name(node: str) -> str:
    return f"agent-{node}"


def _pod(node: str, image: str) -> dict[str, Any]:
    container = {
        "name": "agent",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": [PYTHON, "-c", SCRIPT, "watch"],
        "securityContext": {"privileged": True, "runAsUser": 0},
    }
    spec = {
        "nodeName": node,  # not a matter of scheduling: it has to be there
        "hostPID": True,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "tolerations": [{"operator": "Exists"}],
        "containers": [container],
    }
    metadata = {"name": _name(node), "namespace": NAMESPACE, "labels": {LABEL: "true"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
