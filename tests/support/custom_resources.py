"""Forms of the custom resources in use: kinds, versions, required fields, and the fields of `spec` that are known.

No package carries the operators' own schemas, so these are short forms of them, written after the
CustomResourceDefinitions of Strimzi 0.42.0, Kubegres 1.16, prometheus-operator 0.75.2, Cilium 1.14.4, Istio 1.22 and
RKE2's helm-controller: a misspelt key at the first levels is found, a wrong value deep inside is not.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

type Json = dict[str, Any]


class Form(BaseModel):
    """A map whose every key is known."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Listener(Form):
    """One way into Kafka."""

    name: str = Field(pattern="^[a-z0-9]{1,11}$")
    port: int = Field(ge=9092)
    type: Literal["internal", "route", "loadbalancer", "nodeport", "ingress", "cluster-ip"]
    tls: bool
    authentication: Json | None = None
    network_policy_peers: list[Json] | None = Field(None, alias="networkPolicyPeers")


class ZooKeeper(Form):
    """`spec.zookeeper` of a Kafka resource."""

    replicas: int
    storage: Json
    config: Json = {}
    resources: Json = {}
    jvm_options: Json = Field({}, alias="jvmOptions")
    metrics_config: Json = Field({}, alias="metricsConfig")
    liveness_probe: Json = Field({}, alias="livenessProbe")
    readiness_probe: Json = Field({}, alias="readinessProbe")
    template: Json = {}


class Brokers(ZooKeeper):
    """`spec.kafka` of a Kafka resource."""

    version: str
    listeners: list[Listener] = Field(min_length=1)
    authorization: Json = {}


class Kafka(Form):
    """Strimzi's cluster."""

    kafka: Brokers
    zookeeper: ZooKeeper
    entity_operator: Json = Field({}, alias="entityOperator")
    kafka_exporter: Json = Field({}, alias="kafkaExporter")


class KafkaTopic(Form):
    """Strimzi's topic."""

    partitions: int = Field(ge=1)
    replicas: int = Field(ge=1)
    config: Json = {}
    topic_name: str | None = Field(None, alias="topicName")


class Acl(Form):
    """One permission of a user."""

    resource: Json
    operations: list[Literal["Read", "Write", "Create", "Delete", "Alter", "Describe", "IdempotentWrite", "All"]]


class Authorization(Form):
    """A user's permissions."""

    type: Literal["simple"]
    acls: list[Acl]


class KafkaUser(Form):
    """Strimzi's user."""

    authentication: Json
    authorization: Authorization
    quotas: Json = {}


class Kubegres(Form):
    """Kubegres's cluster."""

    replicas: int
    image: str
    port: int
    database: Json
    custom_config: str = Field(alias="customConfig")
    env: list[Json]
    failover: Json = {}
    resources: Json = {}
    scheduler: Json = {}
    probe: Json = {}
    backup: Json = {}
    volume: Json = {}
    security_context: Json = Field({}, alias="securityContext")


class HelmChart(Form):
    """A chart that RKE2 installs."""

    repo: str = Field(pattern="^https://")
    chart: str
    version: str
    target_namespace: str = Field(alias="targetNamespace")
    values: str = Field("", alias="valuesContent")


class HelmChartConfig(Form):
    """Values of a chart that comes with RKE2."""

    values: str = Field(alias="valuesContent")


class PeerAuthentication(Form):
    """Who must speak mutual TLS."""

    mtls: dict[Literal["mode"], Literal["STRICT", "PERMISSIVE", "DISABLE"]]
    selector: Json | None = None
    port_level: Json | None = Field(None, alias="portLevelMtls")


class CiliumNetworkPolicy(Form):
    """Flows to and from what is no pod."""

    selector: Json = Field(alias="endpointSelector")
    ingress: list[Json] = []
    egress: list[Json] = []


class Monitor(Form):
    """A ServiceMonitor or PodMonitor."""

    selector: Json
    namespaces: Json = Field(alias="namespaceSelector")
    endpoints: list[Json] = []
    pod_endpoints: list[Json] = Field([], alias="podMetricsEndpoints")


class ScrapeConfig(Form):
    """Targets outside the cluster."""

    static: list[Json] = Field(alias="staticConfigs", min_length=1)


class PrometheusRule(Form):
    """Alert rules."""

    groups: list[Json] = Field(min_length=1)


class Server(Form):
    """What Prometheus and Alertmanager share."""

    image: str
    version: str
    replicas: int
    account: str = Field(alias="serviceAccountName")
    priority: str = Field(alias="priorityClassName")
    pod_metadata: Json = Field(alias="podMetadata")
    resources: Json
    security_context: Json = Field(alias="securityContext")
    storage: Json


class Prometheus(Server):
    """prometheus-operator's Prometheus."""

    scrape_interval: str = Field(alias="scrapeInterval")
    evaluation_interval: str = Field(alias="evaluationInterval")
    scrape_timeout: str = Field(alias="scrapeTimeout")
    retention: str
    retention_size: str = Field(alias="retentionSize")
    alerting: Json
    service_monitors: Json = Field(alias="serviceMonitorSelector")
    service_monitor_namespaces: Json = Field(alias="serviceMonitorNamespaceSelector")
    pod_monitors: Json = Field(alias="podMonitorSelector")
    pod_monitor_namespaces: Json = Field(alias="podMonitorNamespaceSelector")
    scrape_configs: Json = Field(alias="scrapeConfigSelector")
    scrape_config_namespaces: Json = Field(alias="scrapeConfigNamespaceSelector")
    rules: Json = Field(alias="ruleSelector")
    rule_namespaces: Json = Field(alias="ruleNamespaceSelector")


class Alertmanager(Server):
    """prometheus-operator's Alertmanager."""

    configuration: Json = Field(alias="alertmanagerConfiguration")


class AlertmanagerConfig(Form):
    """Whom to tell."""

    route: Json
    receivers: list[Json]
    inhibit_rules: list[Json] = Field([], alias="inhibitRules")


FORMS: Final[dict[tuple[str, str], type[Form]]] = {
    ("kafka.strimzi.io/v1beta2", "Kafka"): Kafka,
    ("kafka.strimzi.io/v1beta2", "KafkaTopic"): KafkaTopic,
    ("kafka.strimzi.io/v1beta2", "KafkaUser"): KafkaUser,
    ("kubegres.reactive-tech.io/v1", "Kubegres"): Kubegres,
    ("helm.cattle.io/v1", "HelmChart"): HelmChart,
    ("helm.cattle.io/v1", "HelmChartConfig"): HelmChartConfig,
    ("security.istio.io/v1", "PeerAuthentication"): PeerAuthentication,
    ("cilium.io/v2", "CiliumNetworkPolicy"): CiliumNetworkPolicy,
    ("monitoring.coreos.com/v1", "ServiceMonitor"): Monitor,
    ("monitoring.coreos.com/v1", "PodMonitor"): Monitor,
    ("monitoring.coreos.com/v1alpha1", "ScrapeConfig"): ScrapeConfig,
    ("monitoring.coreos.com/v1", "PrometheusRule"): PrometheusRule,
    ("monitoring.coreos.com/v1", "Prometheus"): Prometheus,
    ("monitoring.coreos.com/v1", "Alertmanager"): Alertmanager,
    ("monitoring.coreos.com/v1alpha1", "AlertmanagerConfig"): AlertmanagerConfig,
}
