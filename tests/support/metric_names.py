"""Every metric that the alert rules and dashboards may use, with who gives it.

A rule over a name that nobody gives never fires, and nobody notices.
"""

from __future__ import annotations

import re
from typing import Any, Final

import promql_parser

_GIVEN_BY: Final = {
    # Prometheus itself.
    "prometheus": "ALERTS up",
    # The JMX exporter in Kafka's and ZooKeeper's pods, by the patterns of manifests/base/kafka/metrics.yaml.
    "jmx": """
        kafka_controller_kafkacontroller_activecontrollercount kafka_controller_kafkacontroller_offlinepartitionscount
        kafka_controller_controllerstats_uncleanleaderelections_total
        kafka_server_replicamanager_underreplicatedpartitions kafka_server_replicamanager_underminisrpartitioncount
        kafka_server_replicamanager_isrshrinks_total kafka_server_brokertopicmetrics_messagesin_total
        kafka_server_brokertopicmetrics_failedproducerequests_total kafka_log_logmanager_offlinelogdirectorycount
        kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent kafka_network_requestmetrics_totaltimems
        zookeeper_avgrequestlatency zookeeper_outstandingrequests""",
    # kafka_exporter's README (danielqsj/kafka_exporter), as Strimzi deploys it.
    "kafka-exporter": """
        kafka_brokers kafka_consumergroup_lag kafka_consumergroup_members kafka_consumergroup_current_offset""",
    # Strimzi 0.42, its example dashboard of operators.
    "strimzi": "strimzi_reconciliations_failed_total",
    # postgres_exporter 0.15.0: collectors up, replication, stat_activity.
    "postgres-exporter": "pg_up pg_stat_replication_pg_wal_lsn_diff pg_stat_activity_count",
    # redis_exporter 1.62.0.
    "redis-exporter": """
        redis_up redis_uptime_in_seconds redis_loading_dump_file redis_aof_last_write_status redis_memory_used_bytes
        redis_memory_max_bytes redis_rejected_connections_total""",
    # kube-state-metrics 2.13.0, docs/metrics.
    "kube-state-metrics": """
        kube_deployment_status_replicas_available kube_deployment_spec_replicas kube_job_status_failed
        kube_lease_renew_time kube_node_spec_taint kube_node_status_condition
        kube_pod_container_status_restarts_total kube_pod_container_status_waiting_reason
        kube_pod_status_unschedulable""",
    # The kubelet's own.
    "kubelet": "kubelet_volume_stats_available_bytes kubelet_volume_stats_capacity_bytes",
    # node_exporter 1.8.2: collectors meminfo and timex.
    "node-exporter": "node_memory_MemAvailable_bytes node_memory_MemTotal_bytes node_timex_offset_seconds",
    # Kubernetes 1.29 and etcd 3.5.
    "control plane": """
        apiserver_request_duration_seconds_bucket apiserver_flowcontrol_rejected_requests_total
        etcd_disk_wal_fsync_duration_seconds_bucket scheduler_pending_pods""",
    # haproxy 2.7's exporter.
    "haproxy": "haproxy_server_status",
    # Promtail 2.9.3.
    "promtail": "promtail_dropped_entries_total",
}
METRICS: Final = {name: source for source, names in _GIVEN_BY.items() for name in names.split()}


def metrics_of(expression: str) -> set[str]:
    """Return the metrics an expression names. Raises ValueError where Prometheus would not parse it."""
    # The parser writes every selector with its braces, also those that had none.
    return set(re.findall(r"([a-zA-Z_:][\w:]*)\{", str(promql_parser.parse(expression))))


def jmx_names(config: Any, bean: str) -> set[str]:
    """Return the names that a JMX exporter's rules give to a bean ("domain<properties><>attribute")."""
    names = set()
    for rule in config["rules"]:
        match = re.search(rule["pattern"], bean)
        if match is not None:
            names.add(match.expand(re.sub(r"\$(\d)", r"\\\1", rule["name"])).lower())
    return names
