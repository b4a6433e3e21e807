"""Stand-in for Strimzi 0.42's cluster operator: what it makes of a `Kafka` resource in ZooKeeper mode, as objects.

Names, labels, ports, listeners and certificates' roles are Strimzi's (KafkaCluster.java, ZookeeperCluster.java,
KafkaBrokerConfigurationBuilder.java, release 0.42). Different here: StatefulSets in place of StrimziPodSets, which
also start a lost pod again but never roll; ZooKeeper speaks plain text and brokers reach it directly; readiness of a
broker is its port and not the state its agent tells; no Kafka exporter, no rolling update. What the kubelet and the
controllers then do to these pods is real; what an operator would decide is not seen here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workbench.errors import BadInput
from workbench.target.local.class_archive import JVM_OPTIONS
from workbench.target.local.settings_files import java_properties
from workbench.target.throwaway.certificates import Authority
from workbench.target.throwaway.hub.images import AGENT_PLACE, KAFKA
from workbench.target.throwaway.hub.kinds import Object, volume_claim
from workbench.target.throwaway.images import REGISTRY
from workbench.topology.hub import HubTopology

JAVA: Final = "/opt/java/bin/java"
CLASS_PATH: Final = "/opt/kafka/libs/*"
CONTROL_PORT: Final = 9090  # control plane of the brokers
REPLICATION_PORT: Final = 9091
CLIENT_PORT: Final = 9093
ZOOKEEPER_PORTS: Final = {"tcp-clients": 2181, "tcp-clustering": 2888, "tcp-election": 3888}
LISTENERS: Final = {
    f"CONTROLPLANE-{CONTROL_PORT}": CONTROL_PORT,
    f"REPLICATION-{REPLICATION_PORT}": REPLICATION_PORT,
    f"TLS-{CLIENT_PORT}": CLIENT_PORT,
}
CERTIFICATES: Final = "/opt/kafka/broker-certs"
SETTINGS: Final = "/opt/kafka/custom-config"
METRICS_PORT: Final = 9404
METRICS: Final = "/opt/kafka/metrics-config"
LOG: Final = "log4j.properties"
LOG_SETTINGS: Final = """log4j.rootLogger=INFO, console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %-5p %m (%c{1})%n
"""
OPERATOR: Final = "cluster-operator"  # a super user, as Strimzi's is


class Strimzi:
    """One Kafka resource and what is made of it."""

    def __init__(self, kafka: Mapping[str, Any], topology: HubTopology) -> None:
        if topology.kafka.quorum is not None:
            raise BadInput("a throwaway cluster runs Kafka in ZooKeeper mode only; the embedded hub has KRaft as well")
        self._kafka = kafka
        self._topology = topology
        self.name = str(kafka["metadata"]["name"])
        self.namespace = topology.namespace

    @property
    def bootstrap(self) -> str:
        """Return the Service by which clients find the brokers."""
        return f"{self.name}-kafka-bootstrap"

    @property
    def zookeeper_pods(self) -> tuple[str, ...]:
        """Return the pods of the ensemble, which has the resource's number of servers."""
        return tuple(f"{self.name}-zookeeper-{server - 1}" for server in self._topology.zookeeper.server_ids)

    def objects(self) -> list[Object]:
        """Return Services, settings, disruption budgets and ZooKeeper's pods; certificates are `secrets`'."""
        return [*self._kafka_objects(), *self._zookeeper_objects()]

    def brokers(self) -> Object:
        """Return the brokers' StatefulSet, which Strimzi makes when ZooKeeper is ready."""
        name, stated = f"{self.name}-kafka", self._kafka["spec"]["kafka"]
        return self._pods(
            name,
            f"{name}-brokers",
            stated,
            container="kafka",
            start=self._start("kafka.Kafka", "server.config", stated),
            ready={"tcpSocket": {"port": CLIENT_PORT}},
            alive={"tcpSocket": {"port": REPLICATION_PORT}},
            data="/var/lib/kafka/data-0",
            secret=f"{name}-brokers",
        )

    def secrets(self, users: list[str]) -> list[Object]:
        """Return the cluster's authority, the brokers' certificates and one certificate a user."""
        authority = Authority("cluster-ca")
        brokers = f"{self.name}-kafka"
        made = [self._secret(f"{self.name}-cluster-ca-cert", {"ca.crt": authority.certificate})]
        files: dict[str, bytes] = {"ca.crt": authority.certificate}
        for broker in self._topology.kafka.broker_ids:
            names = [f"{brokers}-{broker}.{brokers}-brokers.{self.namespace}.svc", *self._names(self.bootstrap)]
            identity = authority.issue(brokers, serves=[*names, f"{names[0]}.cluster.local"])
            files[f"{brokers}-{broker}.pem"] = identity.key + identity.certificate
        made.append(self._secret(f"{brokers}-brokers", files))
        for user in (OPERATOR, *users):
            identity = authority.issue(user)
            content = {"ca.crt": authority.certificate, "user.crt": identity.certificate, "user.key": identity.key}
            made.append(self._secret(user, content))
        return made

    # --- Kafka

    def _kafka_objects(self) -> list[Object]:
        name = f"{self.name}-kafka"
        clients = {"tcp-clientstls": CLIENT_PORT}
        inside = {"tcp-ctrlplane": CONTROL_PORT, "tcp-replication": REPLICATION_PORT, **clients}
        return [
            self._service(self.bootstrap, name, {"tcp-replication": REPLICATION_PORT, **clients}),
            self._service(f"{name}-brokers", name, inside, headless=True),
            self._settings(name, {"server.config": java_properties(self._broker_settings())}),
            self._budget(name, self._kafka["spec"]["kafka"]),
        ]

    def _broker_settings(self) -> dict[str, str]:
        """Return server.config; @ID@ stands for the broker's id."""
        topology, brokers = self._topology, f"{self.name}-kafka"
        host = f"{brokers}-@ID@.{brokers}-brokers.{self.namespace}.svc"
        settings = {
            **topology.kafka.config,
            "broker.id": "@ID@",
            "zookeeper.connect": f"{self.name}-zookeeper-client.{self.namespace}.svc:2181",
            "zookeeper.session.timeout.ms": str(round(topology.kafka.zookeeper_session_timeout_s * 1000)),
            "replica.lag.time.max.ms": str(round(topology.kafka.replica_lag_time_max_s * 1000)),
            "log.dirs": "/var/lib/kafka/data-0/kafka-log",
            "listeners": ",".join(f"{name}://0.0.0.0:{port}" for name, port in LISTENERS.items()),
            "advertised.listeners": ",".join(f"{name}://{host}:{port}" for name, port in LISTENERS.items()),
            "listener.security.protocol.map": ",".join(f"{name}:SSL" for name in LISTENERS),
            "control.plane.listener.name": f"CONTROLPLANE-{CONTROL_PORT}",
            "inter.broker.listener.name": f"REPLICATION-{REPLICATION_PORT}",
            "authorizer.class.name": "kafka.security.authorizer.AclAuthorizer",
            "super.users": f"User:CN={brokers};User:CN={OPERATOR}",
        }
        for name in LISTENERS:
            prefix = f"listener.name.{name.lower()}.ssl"
            settings[f"{prefix}.client.auth"] = "required"
            settings[f"{prefix}.keystore.type"] = settings[f"{prefix}.truststore.type"] = "PEM"
            settings[f"{prefix}.keystore.location"] = f"{CERTIFICATES}/{brokers}-@ID@.pem"
            settings[f"{prefix}.truststore.location"] = f"{CERTIFICATES}/ca.crt"
        return settings

    # --- ZooKeeper

    def _zookeeper_objects(self) -> list[Object]:
        name = f"{self.name}-zookeeper"
        stated = self._kafka["spec"]["zookeeper"]
        healthy = {"exec": {"command": ["sh", "-c", "echo ruok | nc 127.0.0.1 2181 | grep -q imok"]}}
        return [
            self._service(f"{name}-client", name, {"tcp-clients": ZOOKEEPER_PORTS["tcp-clients"]}),
            self._service(f"{name}-nodes", name, ZOOKEEPER_PORTS, headless=True),
            self._settings(name, {"zookeeper.properties": java_properties(self._zookeeper_settings())}),
            self._budget(name, stated),
            self._pods(
                name,
                f"{name}-nodes",
                stated,
                container="zookeeper",
                start="mkdir -p /var/lib/zookeeper/data; echo $((${HOSTNAME##*-} + 1)) > /var/lib/zookeeper/data/myid; "
                + self._start("org.apache.zookeeper.server.quorum.QuorumPeerMain", "zookeeper.properties", stated),
                ready=healthy,
                alive=healthy,
                data="/var/lib/zookeeper",
                secret="",
            ),
        ]

    def _zookeeper_settings(self) -> dict[str, str]:
        ensemble, name = self._topology.zookeeper, f"{self.name}-zookeeper"
        host = f"{name}-{{}}.{name}-nodes.{self.namespace}.svc"
        return {
            **ensemble.config,
            "tickTime": str(round(ensemble.tick_time_s * 1000)),
            "initLimit": str(ensemble.init_limit_ticks),
            "syncLimit": str(ensemble.sync_limit_ticks),
            "dataDir": "/var/lib/zookeeper/data",
            "clientPort": "2181",
            "admin.enableServer": "false",
            "quorumListenOnAllIPs": "true",
            "4lw.commands.whitelist": "ruok,srvr,cons,mntr",
            **{f"server.{server}": f"{host.format(server - 1)}:2888:3888" for server in ensemble.server_ids},
        }

    # --- both

    def _start(self, main: str, settings: str, stated: Mapping[str, Any]) -> str:
        """Return the shell words that write a server's own settings, its number in place of @ID@, and become it."""
        heap = " ".join(f"{option}{size}" for option, size in sorted(stated.get("jvmOptions", {}).items()))
        agent = [f"-javaagent:{AGENT_PLACE}={METRICS_PORT}:{METRICS}/rules.yml"] if "metricsConfig" in stated else []
        options = " ".join(
            (*agent, *JVM_OPTIONS, "-XX:+ExitOnOutOfMemoryError", f"-Dlog4j.configuration=file:{SETTINGS}/{LOG}")
        )
        return (
            f'sed "s/@ID@/${{HOSTNAME##*-}}/g" {SETTINGS}/{settings} > /tmp/strimzi.properties; '
            f'exec {JAVA} {heap} {options} -cp "{CLASS_PATH}" {main} /tmp/strimzi.properties'
        )

    def _labels(self, component: str) -> dict[str, str]:
        """Return Strimzi's labels of a component's objects (Labels.java)."""
        return {
            "strimzi.io/cluster": self.name,
            "strimzi.io/kind": "Kafka",
            "strimzi.io/name": component,
            "app.kubernetes.io/managed-by": "strimzi-cluster-operator-stand-in",
        }

    def _metadata(self, name: str, component: str = "") -> Object:
        return {"name": name, "namespace": self.namespace, "labels": self._labels(component or name)}

    def _names(self, service: str) -> list[str]:
        return [service, f"{service}.{self.namespace}", f"{service}.{self.namespace}.svc"]

    def _secret(self, name: str, content: Mapping[str, bytes]) -> Object:
        text = {key: value.decode() for key, value in content.items()}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": self._metadata(name), "stringData": text}

    def _settings(self, component: str, content: Mapping[str, str]) -> Object:
        metadata = self._metadata(f"{component}-config", component)
        data = {**content, LOG: LOG_SETTINGS}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}

    def _service(self, name: str, component: str, ports: Mapping[str, int], *, headless: bool = False) -> Object:
        selector = {"strimzi.io/cluster": self.name, "strimzi.io/name": component}
        spec: Object = {
            "selector": selector,
            "ports": [{"name": port, "port": number} for port, number in ports.items()],
        }
        if headless:  # a broker's name must be there before it is ready: others reach it by that
            spec |= {"clusterIP": "None", "publishNotReadyAddresses": True}
        return {"apiVersion": "v1", "kind": "Service", "metadata": self._metadata(name, component), "spec": spec}

    def _budget(self, component: str, stated: Mapping[str, Any]) -> Object:
        """Return the disruption budget; Strimzi states it as the number that must stay."""
        away = stated["template"]["podDisruptionBudget"]["maxUnavailable"]
        selector = {"matchLabels": {"strimzi.io/cluster": self.name, "strimzi.io/name": component}}
        spec = {"minAvailable": stated["replicas"] - away, "selector": selector}
        return {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": self._metadata(component),
            "spec": spec,
        }

    def _pods(
        self,
        name: str,
        service: str,
        stated: Mapping[str, Any],
        *,
        container: str,
        start: str,
        ready: Object,
        alive: Object,
        data: str,
        secret: str,
    ) -> Object:
        template = dict(stated["template"]["pod"])
        own = template.pop("metadata", {})
        volumes: list[Object] = [
            {"name": "custom-config", "configMap": {"name": f"{name}-config"}},
            {"name": "strimzi-tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "5Mi"}},
        ]
        mounts = [
            {"name": "custom-config", "mountPath": SETTINGS},
            {"name": "strimzi-tmp", "mountPath": "/tmp"},
            {"name": "data", "mountPath": data},
        ]
        if "metricsConfig" in stated:
            volumes.append(_metrics_settings(stated))
            mounts.append({"name": "metrics-config", "mountPath": METRICS})
        if secret:
            volumes.append({"name": "broker-certs", "secret": {"secretName": secret}})
            mounts.append({"name": "broker-certs", "mountPath": CERTIFICATES})
        one = {
            "name": container,
            "image": stated.get("image", f"{REGISTRY}/{KAFKA}"),  # Strimzi has one for each release of Kafka as well
            "command": ["sh", "-ec", start],
            "ports": [{"name": "tcp-prometheus", "containerPort": METRICS_PORT}] if "metricsConfig" in stated else [],
            "resources": stated["resources"],
            "securityContext": stated["template"][f"{container}Container"]["securityContext"],
            "readinessProbe": {**stated["readinessProbe"], **ready},
            "livenessProbe": {**stated["livenessProbe"], **alive},
            "volumeMounts": mounts,
        }
        labels = {**self._labels(name), **own.get("labels", {})}
        spec = {
            "serviceName": service,
            "replicas": stated["replicas"],
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": {"strimzi.io/cluster": self.name, "strimzi.io/name": name}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    **template,
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "containers": [one],
                    "volumes": volumes,
                },
            },
            "volumeClaimTemplates": [volume_claim("data", stated["storage"]["class"], stated["storage"]["size"])],
        }
        return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": self._metadata(name), "spec": spec}


def _metrics_settings(stated: Mapping[str, Any]) -> Object:
    """Return the volume with the rules by which beans become metrics."""
    source = stated["metricsConfig"]["valueFrom"]["configMapKeyRef"]
    items = [{"key": source["key"], "path": "rules.yml"}]
    return {"name": "metrics-config", "configMap": {"name": source["name"], "items": items}}
