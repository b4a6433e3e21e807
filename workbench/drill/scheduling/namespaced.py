"""Pods made and removed by the API's own client: as fast as it is answered, in a namespace for the time of a block."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from kubernetes import client

from workbench.drill.scheduling.burst_pods import namespace_object
from workbench.errors import BadInput, ToolFailed
from workbench.target.kubernetes.api import SIDE_BY_SIDE, Api
from workbench.waiting import happens

GONE_TIMEOUT_S: Final = 300.0
POLL_S: Final = 0.5


@contextmanager
def namespaced(api: Api, name: str) -> Iterator[None]:
    """Make a namespace for the block's time; afterwards it and its pods are gone."""
    api.core.create_namespace(namespace_object(name))
    try:
        yield
    finally:
        remove_namespace(api, name)


def remove_namespace(api: Api, name: str) -> None:
    """Delete a namespace with all in it, and return when it is gone. Raises ToolFailed when it stays."""
    if not name:
        raise BadInput("no name of the namespace")
    if not _exists(api, name):
        return
    api.apps.delete_collection_namespaced_deployment(name)
    api.core.delete_collection_namespaced_pod(name, grace_period_seconds=0)
    api.core.delete_namespace(name)
    if not happens(lambda: not _exists(api, name), GONE_TIMEOUT_S, POLL_S):
        raise ToolFailed(f"namespace {name} is not gone after {GONE_TIMEOUT_S:.0f} s")


def create_pods(api: Api, namespace: str, pods: Sequence[Mapping[str, Any]]) -> list[float]:
    """Create pods by SIDE_BY_SIDE requests at a time and no other limit; return when each was answered (epoch s)."""

    def create(pod: Mapping[str, Any]) -> float:
        answer = api.core.create_namespaced_pod(namespace, pod, _preload_content=False)
        answer.read()  # whole, so that the connection serves again
        return time.time()

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return list(pool.map(create, pods))


def _exists(api: Api, namespace: str) -> bool:
    try:
        api.core.read_namespace(namespace)
    except client.ApiException as error:
        if error.status == 404:
            return False
        raise
    return True
