"""Every object of the hub on a throwaway cluster, in the stages in which the operators would make them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from workbench.errors import BadInput
from workbench.fault import FailoverRule
from workbench.target.throwaway.hub import entity_operator, probe
from workbench.target.throwaway.hub.jobs import KAFKA_CLIENT, job
from workbench.target.throwaway.hub.kinds import Object, name_of
from workbench.target.throwaway.hub.kubegres import Kubegres
from workbench.target.throwaway.hub.kubegres_manager import manager_objects
from workbench.target.throwaway.hub.passwords import password_secrets
from workbench.target.throwaway.hub.strimzi import CLIENT_PORT, OPERATOR, Strimzi
from workbench.topology import read_topology
from workbench.topology.hub import HubTopology
from workbench.topology.rendering import render

# What an operator that is not here would act on; stand-ins make objects of it.
OPERATED: Final = ("Kafka", "Kubegres", "KafkaTopic", "KafkaUser")
NOT_HERE: Final = ("CiliumNetworkPolicy",)  # another network plug-in's
FIRST: Final = ("Namespace", "PriorityClass", "StorageClass", "ServiceAccount", "Secret", "ConfigMap", "Service")
ENTITIES: Final = "entity-operator-stand-in"
PROBE: Final = "hub-probe"
PROBE_USER: Final = "event-source"  # the KafkaUser of those who bring events in


def hub_objects(manifests: Path, failover: FailoverRule = FailoverRule.NONE) -> HubObjects:
    """Return the objects of a kustomization folder. Raises BadInput for one that does not render."""
    return HubObjects(render(manifests), read_topology(manifests), failover)


class HubObjects:
    """An overlay's objects. Raises BadInput where it lacks what the stand-ins need."""

    def __init__(
        self,
        rendered: Sequence[Mapping[str, Any]],
        topology: HubTopology,
        failover: FailoverRule = FailoverRule.NONE,
    ) -> None:
        self._failover = failover
        self._rendered = rendered
        self._topology = topology
        self._strimzi = Strimzi(self._only("Kafka"), topology)
        self._users = self._of("KafkaUser")
        if PROBE_USER not in map(name_of, self._users):
            raise BadInput(f"no KafkaUser {PROBE_USER}: nobody may write events")

    @property
    def namespace(self) -> str:
        """Return the hub's namespace."""
        return self._topology.namespace

    @property
    def zookeeper_pods(self) -> tuple[str, ...]:
        """Return the ensemble's pods."""
        return self._strimzi.zookeeper_pods

    def stages(self) -> list[list[Object]]:
        """Return what is applied stage by stage, each once the one before is ready.

        Strimzi makes the brokers when ZooKeeper is ready and the entity operator when they are.
        """
        users = [name_of(user) for user in self._users]
        first = [
            *(dict(each) for each in self._rendered if each["kind"] not in (*OPERATED, *NOT_HERE)),
            *self._strimzi.secrets(users),
            *password_secrets(self._topology.namespace),
            *self._strimzi.objects(),
            *Kubegres(self._only("Kubegres")).objects(),
            *manager_objects(self._only("Kubegres"), self._failover),
        ]
        return [sorted(first, key=_order), [self._strimzi.brokers()], self._entities()]

    def probe(self) -> list[Object]:
        """Return the Job that sends an event through every partition."""
        return self._job(
            PROBE,
            probe.__name__,
            {},
            user=PROBE_USER,
            retries=0,  # what it sees the first time counts
            labels={f"access.central-hub/{store}": "true" for store in ("kafka", "postgres", "redis")},
            secrets={
                "POSTGRES_DSN": ("event-processor", "postgres-dsn"),
                "REDIS_URL": ("event-processor", "redis-url"),
            },
        )

    def _entities(self) -> list[Object]:
        """Return the Job that makes topics and access rules."""
        return self._job(
            ENTITIES,
            entity_operator.__name__,
            {
                "brokers": len(self._topology.kafka.broker_ids),
                "users": {name_of(user): _rules(user) for user in self._users},
            },
            user=OPERATOR,
            retries=6,
            labels={"strimzi.io/name": "hub-entity-operator", "access.central-hub/kafka": "true"},
            secrets={},
        )

    def _job(self, name: str, module: str, question: Mapping[str, Any], **rest: Any) -> list[Object]:
        client = {**KAFKA_CLIENT, "bootstrap.servers": f"{self._strimzi.bootstrap}:{CLIENT_PORT}"}
        topics = [
            {
                "name": topic.name,
                "partitions": topic.partitions,
                "replicas": topic.replication_factor,
                "config": dict(topic.config),
            }
            for topic in self._topology.topics
        ]
        asked = {**question, "client": client, "topics": topics}
        return job(name, self._topology.namespace, module, asked, **rest)

    def _of(self, kind: str) -> list[Mapping[str, Any]]:
        return [each for each in self._rendered if each["kind"] == kind]

    def _only(self, kind: str) -> Mapping[str, Any]:
        found = self._of(kind)
        if len(found) != 1:
            raise BadInput(f"the manifests have {len(found)} resources {kind}; a hub has one")
        return found[0]


def _order(each: Object) -> int:
    return FIRST.index(each["kind"]) if each["kind"] in FIRST else len(FIRST)


def _rules(user: Mapping[str, Any]) -> list[Object]:
    """Return a KafkaUser's rules, one an operation."""
    return [
        {
            "type": rule["resource"]["type"],
            "name": rule["resource"]["name"],
            "pattern": "prefixed" if rule["resource"].get("patternType") == "prefix" else "literal",
            "operation": operation,
        }
        for rule in user["spec"]["authorization"]["acls"]
        for operation in rule["operations"]
    ]
