"""Taking hold of a hub on a cluster: who is where, how to reach it, and what a start of each broker takes."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from workbench.errors import ToolFailed
from workbench.fault import Fault
from workbench.records.folder import RunFolder
from workbench.target.kubernetes.api import Api, api_failures
from workbench.target.kubernetes.doors import Secrets, endpoints
from workbench.target.kubernetes.hold import Hold, a_record
from workbench.target.kubernetes.hub import KubernetesHub
from workbench.target.kubernetes.looking import image_with_python, look, victim_words
from workbench.target.kubernetes.session import Session, read_session, sessions_directory
from workbench.target.local.supervised import start_supervisor, wait_for_supervisor
from workbench.topology.hub import HubTopology

Say = Callable[[str], None]
WHOLE_TIMEOUT_S: Final = 120.0
RESTART_TIMEOUT_S: Final = 180.0
POLL_S: Final = 0.1
SLOW_POLL_S: Final = 0.5


def open_hub(
    topology: HubTopology,
    fault: Fault,
    brokers: Sequence[int],
    *,
    kubeconfig: Path,
    context: str,
    progress: Say,
    run: RunFolder,
    power: str = "",
) -> KubernetesHub:
    """Take hold of the hub that runs on a cluster and return it when it is whole; says whom `fault` would hit first.

    Each of `brokers` is started again where it is, one after another, which measures its start; then its pod is
    replaced, as in a rolling update, so that no back-off of the kubelet's is left. The cluster is held in the name of
    `run`, whose folder has the same record as the cluster; `power` is the address of its nodes' power. Raises BadInput
    when this is not that hub, its names cannot be resolved here or another drill holds it, ToolFailed when it does not
    get whole.
    """
    seen = look(topology, fault, kubeconfig, context)
    progress(f"the fault would hit {victim_words(seen.victim)}")
    api, pods = Api(kubeconfig, context), seen.pods
    run.safety.mkdir(parents=True, exist_ok=True)
    record = a_record(run.root.name, power, topology.namespace)
    hold = Hold(api, record, run.safety)
    progress("taking the cluster, and a snapshot of it")
    hold.take()
    try:
        directory = sessions_directory() / secrets.token_hex(4)
        directory.mkdir(parents=True, mode=0o700)
        doors = endpoints(topology, pods, Secrets(api, topology.namespace), directory)
        nodes = tuple(sorted({pod.node for pod in pods}))
        session = Session(kubeconfig, context, topology, doors, nodes, record, run.safety)
        log = directory / "supervisor.log"
        supervisor = start_supervisor(directory, log)
        hub = KubernetesHub(directory, session, supervisor, hold, owned=True)
    except BaseException:  # Ctrl-C too must leave nothing behind
        hold.finish()
        raise
    try:
        wait_for_supervisor(hub.control, supervisor, log)
        progress("starting an agent on each node")
        hub.agents.start(nodes, image_with_python(pods, topology))
        _wait(lambda: not hub.missing(), WHOLE_TIMEOUT_S, hub.missing, SLOW_POLL_S)
        hub.session = _roll_brokers(hub, brokers, progress)
        hub.session.write(directory)
    except BaseException:  # Ctrl-C too must leave nothing behind
        hub.close()
        raise
    return hub


def attach(hub_id: str) -> KubernetesHub:
    """Return the hub that a drill holds; it goes on when this object is closed. Raises MachineTrouble without one."""
    directory = sessions_directory() / hub_id
    return KubernetesHub(directory, read_session(directory), None, owned=False)


def _roll_brokers(hub: KubernetesHub, brokers: Sequence[int], progress: Say) -> Session:
    """Start brokers once again and replace their pods; return the session with what a start took."""
    starts = {}
    for broker in brokers:
        progress(f"starting kafka-{broker} once again, to see what that takes")
        starts[f"kafka-{broker}"] = _restart(hub, broker)
        _wait(lambda: not hub.missing(), RESTART_TIMEOUT_S, hub.missing, SLOW_POLL_S)
        progress(f"replacing the pod of kafka-{broker}")
        _replace_pod(hub, f"kafka-{broker}")
        _wait(lambda: not hub.missing(), RESTART_TIMEOUT_S, hub.missing, SLOW_POLL_S)
    if not brokers:
        return hub.session
    # Other brokers and clients find a new pod when their answer from the cluster's DNS has aged.
    known = hub.topology.kafka.broker_ids
    _wait(lambda: all(map(hub.kafka.answers, known)), WHOLE_TIMEOUT_S, lambda: "every broker answers by its name")
    progress("electing the preferred leaders")
    hub.kafka.elect_preferred_leaders(hub.topology.partition_labels)
    _wait(lambda: _led_as_preferred(hub), RESTART_TIMEOUT_S, lambda: "every partition led by its first replica")
    return replace(
        hub.session,
        start_to_registered_s={name: each.to_registered_s for name, each in starts.items()},
        start_cpu_s={name: each.cpu_s for name, each in starts.items()},
        registered_to_ready_s={name: each.to_ready_s for name, each in starts.items()},
    )


@dataclass(frozen=True)
class _Start:
    """What one start of a broker took, nothing starting beside it."""

    to_registered_s: float
    cpu_s: float
    to_ready_s: float  # from there


def _restart(hub: KubernetesHub, broker: int) -> _Start:
    """End a broker's container in good order where it is; return what the start took that the kubelet then did."""
    name = f"kafka-{broker}"
    pod = hub.pod(name)
    ended_s = float(hub.agents.kill(pod.node, pod.uid, "SIGTERM")["ended_s"])

    def registered_s() -> float:
        return hub.kafka.registered_s(broker) or 0.0

    _wait(lambda: registered_s() > ended_s, RESTART_TIMEOUT_S, lambda: f"{name} registers")
    cpu_s, at_s = hub.agents.cpu_s(pod.node, pod.uid), registered_s()
    _wait(lambda: hub.kafka.answers(broker), RESTART_TIMEOUT_S, lambda: f"{name} answers")
    answers_s = time.time()
    return _Start(at_s - hub.process_starts(name)[-1].started_s, cpu_s, answers_s - at_s)


def _replace_pod(hub: KubernetesHub, name: str) -> None:
    """Delete a server's pod, gracefully; return when its successor's container has started."""
    before = hub.pod(name)
    with api_failures(f"pod {before.pod} could not be deleted"):
        hub.api.core.delete_namespaced_pod(before.pod, hub.topology.namespace)

    def replaced() -> bool:
        return any(pod.name == name and pod.uid != before.uid for pod in hub.pods())

    _wait(
        lambda: replaced() and bool(hub.process_starts(name)),
        RESTART_TIMEOUT_S,
        lambda: f"a new pod of {name}",
        SLOW_POLL_S,
    )


def _led_as_preferred(hub: KubernetesHub) -> bool:
    states = hub.partition_states()
    return all(states[label].leader == states[label].replicas[0] for label in hub.topology.partition_labels)


def _wait(condition: Callable[[], bool], timeout_s: float, what: Callable[[], str], poll_s: float = POLL_S) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise ToolFailed(f"not within {timeout_s:.0f} s: {what()}")
        time.sleep(poll_s)
