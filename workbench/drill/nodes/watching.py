"""Watches on a cluster's nodes, pods and EndpointSlices, and a look at the nodes' rules: facts as they arrive."""

from __future__ import annotations

import functools
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from kubernetes import watch

from workbench.drill.nodes.facts import UNREACHABLE, EndpointsFact, Facts, NodeFact, PodFact, RulesFact
from workbench.errors import ToolFailed
from workbench.target.kubernetes.api import CONNECT_TIMEOUT_S, Api, api_failures

WATCH_S: Final = 5  # a watch ends by itself and goes on from where it was, so that it can be stopped
RULES_PERIOD_S: Final = 0.2
LIST_TIMEOUT_S: Final = 30.0
GRACE_S: Final = 5.0  # after a watch's own end


@contextmanager
def watched(
    api: Api, namespace: str, rules_of: Mapping[str, Callable[[], str]], facts: Facts
) -> Iterator[Callable[[], None]]:
    """Collect facts while the block runs; `rules_of` reads a node's rules as text.

    The block begins when what there is has been listed, so that nothing that happens in it is missed. It is given a
    check that raises ToolFailed once a watch has failed; so does leaving the block.
    """
    stop = threading.Event()
    listed_all = threading.Barrier(4, timeout=LIST_TIMEOUT_S)  # three lists, and the block

    def follow(listed: Callable[..., Any], keep: Callable[[float, dict[str, Any], bool], None]) -> Callable[[], None]:
        return functools.partial(_follow, listed, keep, stop, listed_all)

    works: list[Callable[[], None]] = [
        follow(api.core.list_node, lambda at_s, thing, _: facts.nodes.append(node_fact(at_s, thing))),
        follow(
            lambda **options: api.core.list_namespaced_pod(namespace, **options),
            lambda at_s, thing, gone: facts.pods.append(pod_fact(at_s, thing, gone)),
        ),
        follow(
            lambda **options: api.discovery.list_namespaced_endpoint_slice(namespace, **options),
            lambda at_s, thing, _: facts.endpoints.append(endpoints_fact(at_s, thing)),
        ),
        *(functools.partial(_look, node, read, facts, stop) for node, read in rules_of.items()),
    ]
    with ThreadPoolExecutor(len(works)) as pool:  # every read inside ends by itself: so does the block
        under_way = [pool.submit(work) for work in works]
        try:
            listed_all.wait()
            yield functools.partial(_check, under_way)
        except threading.BrokenBarrierError:
            _check(under_way)
            raise ToolFailed(f"the cluster's API did not list within {LIST_TIMEOUT_S:.0f} s") from None
        finally:
            stop.set()
    _check(under_way)


def node_fact(at_s: float, node: Mapping[str, Any]) -> NodeFact:
    """Return what a Node object says."""
    taints = node["spec"].get("taints", [])
    evicting = any(taint["key"] == UNREACHABLE and taint["effect"] == "NoExecute" for taint in taints)
    return NodeFact(at_s, node["metadata"]["name"], _condition(node, "Ready"), evicting)


def pod_fact(at_s: float, pod: Mapping[str, Any], gone: bool) -> PodFact:
    """Return what a Pod object says; `gone`: it was the last time."""
    return PodFact(
        at_s=at_s,
        name=pod["metadata"]["name"],
        node=pod["spec"].get("nodeName", ""),
        address=pod["status"].get("podIP", ""),
        running=pod["status"].get("phase") == "Running",
        ready=_condition(pod, "Ready"),
        terminating="deletionTimestamp" in pod["metadata"],
        gone=gone,
    )


def endpoints_fact(at_s: float, endpoints: Mapping[str, Any]) -> EndpointsFact:
    """Return which pods an EndpointSlice sends traffic to."""
    listed = endpoints.get("endpoints") or []
    ready = [each["targetRef"]["name"] for each in listed if each.get("conditions", {}).get("ready")]
    return EndpointsFact(at_s, tuple(ready))


def _check(under_way: Sequence[Future[None]]) -> None:
    """Raise what ended a watch before its time, as ToolFailed where it was the connection or the API."""
    for each in under_way:
        if each.done():
            with api_failures("a watch on the cluster failed"):
                each.result()


def _follow(
    listed: Callable[..., Any],
    keep: Callable[[float, dict[str, Any], bool], None],
    stop: threading.Event,
    listed_all: threading.Barrier,
) -> None:
    """List what there is, then watch until told to stop, each time from where the watch before ended.

    A connection on which nothing comes, not even the end of the watch, is an error: it would look like "no change".
    """
    listed = functools.partial(listed, _request_timeout=(CONNECT_TIMEOUT_S, WATCH_S + GRACE_S))
    found = json.loads(listed(_preload_content=False).data)
    for thing in found["items"]:
        keep(time.time(), thing, False)
    listed_all.wait()
    version = found["metadata"]["resourceVersion"]
    while not stop.is_set():
        for event in watch.Watch().stream(listed, timeout_seconds=WATCH_S, resource_version=version):
            keep(time.time(), event["raw_object"], event["type"] == "DELETED")
            version = event["raw_object"]["metadata"]["resourceVersion"]
            if stop.is_set():
                return


def _look(node: str, read: Callable[[], str], facts: Facts, stop: threading.Event) -> None:
    """Read a node's rules again and again."""
    while not stop.wait(RULES_PERIOD_S):
        text = read()
        facts.rules.append(RulesFact(time.time(), node, tuple(text.split())))


def _condition(thing: Mapping[str, Any], name: str) -> bool:
    conditions = thing["status"].get("conditions", [])
    return any(one["type"] == name and one["status"] == "True" for one in conditions)
