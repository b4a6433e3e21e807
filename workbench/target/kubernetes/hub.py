"""KubernetesHub: a hub on a cluster, behind the target's port.

It was up before the drill and stays up: the drill holds it, with an agent on each of its nodes, and lets go.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import psutil
from kubernetes import client

from workbench.errors import BadInput, ToolFailed
from workbench.fault import CUTS, SIGNAL_NAMES, FailoverRule, Fault, FaultType
from workbench.safety.blast_radius import HubState, PartitionSet, risks
from workbench.safety.undo import ClusterObject, Undo
from workbench.target import victims
from workbench.target.clients.asked import AskedHub
from workbench.target.clients.kafka import KafkaReader
from workbench.target.kubernetes import agent, cut_off
from workbench.target.kubernetes.agent_pods import Agents
from workbench.target.kubernetes.api import Api, api_failures
from workbench.target.kubernetes.doors import kafka_addresses
from workbench.target.kubernetes.hold import Hold
from workbench.target.kubernetes.pods import HubPod, hub_pods
from workbench.target.kubernetes.session import Session
from workbench.target.local.processes import ServerStatus
from workbench.target.local.supervised import Supervised
from workbench.target.port import Injection, ProcessStart, TargetDescription, UndoResult, Victim
from workbench.target.throwaway import cutting
from workbench.target.wholeness import WHOLE, what_is_missing
from workbench.topology.hub import HubTopology

UNDO_TIMEOUT_S: Final = 420.0  # the kubelet may wait for 40 s and more, twice, before it starts a container again
UNDO_POLL_S: Final = 1.0
LOOK_S: Final = 5.0
STAND_IN: Final = "-stand-in"  # in the label of what made a pod
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
NAN: Final = float("nan")
UNWATCHED: Final = -1  # in place of a process id
# What is ended by a signal to its container's first process, and what is cut off in its pod's network.
FAULTS: Final = frozenset(
    {
        *CUTS,
        FaultType.BROKER_KILL,
        FaultType.PROCESSOR_KILL,
        FaultType.POSTGRES_PRIMARY_KILL,
        FaultType.REDIS_KILL,
        FaultType.ZOOKEEPER_KILL,
    }
)


class KubernetesHub(AskedHub, Supervised):
    """A hub that is up on a cluster."""

    def __init__(
        self,
        directory: Path,
        session: Session,
        supervisor: subprocess.Popen[bytes] | None,
        hold: Hold | None = None,
        *,
        owned: bool,
    ) -> None:
        addresses = kafka_addresses(session.topology, dict(session.endpoints.reader_security))
        Supervised.__init__(self, directory, supervisor, owned=owned)
        AskedHub.__init__(self, session.topology, session.endpoints, KafkaReader(addresses))
        self.session = session
        self.api = Api(session.kubeconfig, session.context)
        self.agents = Agents(self.api)
        self.hold = hold or Hold(self.api, session.record, session.safety)
        self._machine_processes: Mapping[str, int] | None = None
        self._looked_s = 0.0  # monotonic

    def close(self) -> None:
        """End the drill's helpers, then undo, look whether the cluster is as it was, and let go; the hub stays.

        Raises UndoUnverified when it is not as it was, or when that cannot be seen.
        """
        try:
            super().close()  # first, so that nothing more is broken
        finally:
            self.hold.finish()

    # --- who it is

    @property
    def target(self) -> str:
        """Return the target's name."""
        return "kubernetes"

    @property
    def undo_timeout_s(self) -> float:
        """Return after how long an undo says that it could not be verified."""
        return UNDO_TIMEOUT_S

    @property
    def was_up(self) -> bool:
        """Tell that a drill finds it up."""
        return True

    @property
    def failover(self) -> FailoverRule:
        """Return what happens when the Postgres primary died: nothing here promotes a standby."""
        return FailoverRule.NONE

    def describe(self) -> TargetDescription:
        """Return who the target is: the cluster's version, what the manifests state, and what stands in."""
        with api_failures("the cluster could not be asked for its version"):
            kubernetes = client.VersionApi(self.api.fresh()).get_code().git_version
        topology = self.topology
        versions = {
            "Kubernetes": kubernetes,
            "Kafka": topology.kafka.version,
            "PostgreSQL": topology.postgres.version,
            "Redis": topology.redis.version,
        }
        host = {"nodes": len(self.session.nodes), "cpus": psutil.cpu_count() or 0}
        return TargetDescription("kubernetes", versions, tuple(self._stand_ins()), host)

    def _stand_ins(self) -> list[str]:
        makers = {(pod.metadata.labels or {}).get(MANAGED_BY, "") for pod in self._namespaced()}
        found = [
            f"{maker.removesuffix(STAND_IN)} does not run: a stand-in made its pods and decides nothing later."
            for maker in sorted(makers)
            if maker.endswith(STAND_IN)
        ]
        if self.machine_processes():
            found.append("All nodes are namespaces of one machine: their pods share its cores, memory and disk.")
        return found

    def start_to_registered_s(self) -> Mapping[str, float]:
        """Return what each broker's last start took (s), no broker starting beside it."""
        return self.session.start_to_registered_s

    def start_cpu_s(self) -> Mapping[str, float]:
        """Return the computing time (s) that each broker used until then."""
        return self.session.start_cpu_s

    def registered_to_ready_s(self) -> Mapping[str, float]:
        """Return what each broker took (s) from there until it answered requests."""
        return self.session.registered_to_ready_s

    def failover_steps(self) -> Mapping[str, float]:
        """Return the steps of a fail-over: there is none."""
        return {}

    # --- pods and processes

    def pods(self) -> tuple[HubPod, ...]:
        """Return the hub's pods now."""
        return hub_pods(self._namespaced(), self.topology)

    def pod(self, name: str) -> HubPod:
        """Return the pod of a server ("kafka-1"). Raises ToolFailed when there is none now."""
        for each in self.pods():
            if each.name == name:
                return each
        raise ToolFailed(f"there is no pod of {name} now")

    def processes(self) -> list[ServerStatus]:
        """Return every server's first process, as the agents saw it."""
        pods = self.pods()
        if not self.session.nodes:
            return [_unwatched(pod) for pod in pods]
        with ThreadPoolExecutor(len(self.session.nodes)) as pool:
            journals = dict(zip(self.session.nodes, pool.map(self.agents.journal, self.session.nodes), strict=True))
        return [_status(pod, starts_of(journals.get(pod.node, []), pod.uid)) for pod in pods]

    def process_starts(self, server: str) -> tuple[ProcessStart, ...]:
        """Return every start of a server's container since the agent runs, oldest first."""
        pod = self.pod(server)
        return starts_of(self.agents.journal(pod.node), pod.uid)

    def machine_processes(self) -> Mapping[str, int]:
        """Return the first process of each of the hub's containers that runs on this very machine.

        Looked for anew only when one of them is gone, since that is work.
        """
        known, now_s = self._machine_processes, time.monotonic()
        is_whole = known is not None and all(map(psutil.pid_exists, known.values()))
        if known is not None and (is_whole or now_s - self._looked_s < LOOK_S):
            return known
        names = {pod.uid: pod.name for pod in self.pods()}
        found = agent.containers().items()
        known = {names[uid]: process_id for process_id, (uid, _, _) in found if uid in names}
        self._machine_processes, self._looked_s = known, now_s
        return known

    def partitions_of_processor(self) -> dict[str, int]:
        """Return which event processor (index) holds each partition, by "topic-partition"."""
        prefix = f"{self.topology.processors.name}-"
        index = {pod.address: int(pod.name.removeprefix(prefix)) for pod in self.pods() if pod.name.startswith(prefix)}
        members = self.kafka.members(self.topology.processors.consumer_group)
        return {label: index[each.host] for each in members for label in each.partitions if each.host in index}

    def _namespaced(self) -> list[Any]:
        namespace = self.topology.namespace
        with api_failures(f"the pods of {namespace} could not be listed"):
            return list(self.api.core.list_namespaced_pod(namespace).items)

    # --- faults

    def faults(self) -> frozenset[FaultType]:
        """Return the faults this target can do."""
        return FAULTS

    def primary(self) -> str:
        """Return the Postgres instance that takes writes now, "" if none does."""
        primary = self.doors.primary()
        host = "" if primary is None else primary.host
        return next((pod.name for pod in self.pods() if pod.address == host), "")

    def resolve(self, fault: Fault) -> Victim:
        """Return the exact victim of a fault, with its pods' uids.

        Raises BadInput when there is none, for what would break beyond it that the fault does not name, and for a cut
        of a pod that does not run on this machine.
        """
        victim = victims.resolve(self, fault)
        names = [name for name, _ in victim.servers] or [victim.server]
        found = risks(names, (), hub_state(self))
        if refused := [words for risk, words in found.items() if risk not in fault.breaks]:
            raise BadInput(
                f"{fault.type} of {victim.server} is refused, since the scenario does not name it in `breaks`: "
                f"{'; '.join(refused)}"
            )
        objects = tuple(_object(self.pod(name), self.topology.namespace) for name in names)
        if fault.type in CUTS:
            for each in objects:
                cutting.network_of(each.uid)
        return replace(victim, objects=objects)

    def inject(self, fault: Fault, victim: Victim) -> Injection:
        """End the victim's container where it is, its pod stays; wait, bounded, until its first process has ended."""
        if fault.type in CUTS:
            return self._cut(fault, victim)
        if fault.type not in FAULTS or fault.lag_s:
            raise BadInput(f"the target kubernetes cannot do {fault.type} in this form")
        pod, name = self._pinned(victim), SIGNAL_NAMES[fault.type]
        self.hold.add(fault.type, victim.objects, Undo.AWAIT)
        told = self.agents.kill(pod.node, pod.uid, name)
        effective = bool(told["ended"]) and told["process_id"] == victim.process_id
        took_s = told["ended_s"] - told["sent_s"]
        return Injection(
            fault=fault.type,
            server=victim.server,
            process_id=told["process_id"],
            signal=name,
            injected_s=told["sent_s"],
            effective_s=told["ended_s"] if effective else NAN,
            effective=effective,
            evidence=f"process {told['process_id']}, the first of the container of pod {pod.pod} on {pod.node}, "
            f"{'ended' if told['ended'] else 'still runs'} {took_s:.3f} s after {name} (its node's clock)",
        )

    def _cut(self, fault: Fault, victim: Victim) -> Injection:
        """Cut a broker's pod off; it ends by itself, should nobody end it, so there is nothing to undo but to wait."""
        pod = self._pinned(victim)
        self.hold.add(fault.type, victim.objects, Undo.AWAIT)
        chosen, made = cut_off.cut_for(
            self.api, self.topology.namespace, fault, -1 if victim.broker is None else victim.broker
        )
        return Injection(
            fault=fault.type,
            server=victim.server,
            process_id=victim.process_id,
            signal=SIGNAL_NAMES[fault.type],
            injected_s=made.begun_s,
            effective_s=made.proved_s,
            effective=True,
            evidence=f"pod {pod.pod} on {pod.node}: {made.packets} packets of open connections from and to "
            f"{len(chosen.peers)} addresses dropped by iptables in its network",
        )

    def _pinned(self, victim: Victim) -> HubPod:
        """Return the pod of a victim. Raises BadInput when another one has its name now."""
        pod = self.pod(victim.server)
        if [pod.uid] != [each.uid for each in victim.objects]:
            raise BadInput(f"{victim.server} was replaced since it was chosen: pod {pod.uid} is not hit")
        return pod

    def heal(self, victim: Victim) -> float:
        """End a cut and return when that was, epoch s."""
        network = cutting.network_of(self._pinned(victim).uid)
        healed_s = time.time()
        cutting.heal(network)
        return healed_s

    def thaw(self, victim: Victim) -> float:
        """Refuse: nothing is frozen on this target."""
        raise ToolFailed(f"{victim.server} was not frozen: the target kubernetes freezes nothing")

    def power_on(self, victim: Victim) -> float:
        """Refuse: no node loses its power by this way, but by experiments of the cluster's own."""
        raise ToolFailed(f"{victim.server} was not switched off: a drill on the target kubernetes switches nothing off")

    def free_disk(self, victim: Victim) -> float:
        """Refuse: no disk is filled on this target."""
        raise ToolFailed(f"{victim.server} has no disk that was filled: the target kubernetes fills none")

    def restarts(self) -> bool:
        """Tell whether a container that ended is started again: the kubelet does."""
        return True

    def undo(self) -> UndoResult:
        """Wait until the hub is whole: what was ended the kubelet starts again. Idempotent."""
        deadline_s = time.monotonic() + UNDO_TIMEOUT_S
        while lacking := self.missing():
            if time.monotonic() > deadline_s:
                return UndoResult(False, f"after {UNDO_TIMEOUT_S:.0f} s: {lacking}")
            time.sleep(UNDO_POLL_S)
        return UndoResult(True, WHOLE)

    def missing(self) -> str:
        """Return what keeps the hub from being whole, in words; "" when nothing does. Only looks."""
        ready = {pod.name: pod.ready for pod in self.pods()}
        absent = [name for name in servers_of(self.topology) if name not in ready]
        down = [each.name for each in self.processes() if not each.process_id]  # a dead one's pod stays ready for long
        unready = [name for name in ready if not ready[name] and name not in down]
        words = [
            f"no pod of {', '.join(absent)}" if absent else "",
            f"{', '.join(down)} not running" if down else "",
            f"{', '.join(unready)} not ready" if unready else "",
        ]
        return what_is_missing(self, words)


def hub_state(hub: KubernetesHub) -> HubState:
    """Return the quorums there are now."""
    min_isr = {topic.name: topic.min_insync_replicas for topic in hub.topology.topics}
    in_kraft = hub.topology.kafka.quorum is not None
    return HubState(
        zookeeper_servers=frozenset(() if in_kraft else hub.topology.zookeeper.server_ids),
        zookeeper_serving=frozenset(() if in_kraft else hub.ensemble().serving),
        partitions={
            label: PartitionSet(frozenset(state.isr), min_isr[label.rpartition("-")[0]])
            for label, state in hub.partition_states().items()
            if label.rpartition("-")[0] in min_isr  # Kafka's own topics have settings of their own
        },
        postgres_ready=frozenset(pod.name for pod in hub.pods() if pod.name.startswith("postgres-") and pod.ready),
    )


def servers_of(topology: HubTopology) -> list[str]:
    """Return the names of every server and application that the manifests ask for."""
    processors, gateways = topology.processors, topology.gateways
    return [
        *(f"kafka-{each}" for each in topology.kafka.broker_ids),
        *(f"zookeeper-{each}" for each in topology.zookeeper.server_ids),
        *(f"postgres-{each}" for each in range(1, topology.postgres.replicas + 1)),
        "redis-0",
        *(f"{processors.name}-{each}" for each in range(processors.replicas)),
        *(f"{gateways.name}-{each}" for each in range(gateways.replicas)),
    ]


def starts_of(journal: list[dict[str, Any]], uid: str) -> tuple[ProcessStart, ...]:
    """Return the starts of one pod's container from what its node's agent noted, oldest first."""
    ended_s: dict[int, float] = {}
    starts = []
    for note in reversed(journal):  # a process id may come again: an end belongs to the last start before it
        if "ended_s" in note:
            ended_s[note["process_id"]] = note["ended_s"]
        elif note["pod"] == uid:
            end_s = ended_s.pop(note["process_id"], NAN)
            starts.append(ProcessStart(note["process_id"], note["started_s"], end_s, "ended" if end_s == end_s else ""))
    return tuple(reversed(starts))


def _object(pod: HubPod, namespace: str) -> ClusterObject:
    return ClusterObject("Pod", pod.pod, pod.uid, namespace, pod.node)


def _unwatched(pod: HubPod) -> ServerStatus:
    """Return what the API alone says of a server: where nobody looks at its process, readiness has to do."""
    return ServerStatus(pod.name, pod.node, UNWATCHED if pod.ready else 0, True, True, None, ())


def _status(pod: HubPod, starts: tuple[ProcessStart, ...]) -> ServerStatus:
    runs = bool(starts) and not starts[-1].exit
    return ServerStatus(
        name=pod.name,
        node=pod.node,
        process_id=starts[-1].process_id if runs else 0,
        is_server=True,
        restarts=True,
        restart_due_s=None,
        starts=starts,
    )
