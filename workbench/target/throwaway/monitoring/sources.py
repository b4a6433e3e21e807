"""Who gives what an alert rule asks about, so that nobody believes that a rule without a source could fire.

The jobs are those that the hub's monitors state; a metric's name begins with its giver's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from workbench.errors import BadInput

# The first that fits; the names are held to tests/support/metric_names.py.
_JOB_BY_PREFIX: Final = {
    "kafka_consumergroup_": "kafka-exporter",
    "kafka_brokers": "kafka-exporter",
    "kafka_": "kafka",
    "zookeeper_": "zookeeper",
    "strimzi_": "strimzi",
    "pg_": "postgres",
    "redis_": "redis",
    "kube_": "kube-state-metrics",
    "kubelet_": "kubelet",
    "node_": "node-exporter",
    "apiserver_": "apiserver",
    "etcd_": "etcd",
    "scheduler_": "kube-scheduler",
    "haproxy_": "haproxy",
    "promtail_": "promtail",
}
_UP: Final = "up"  # Prometheus' own, of each target
_OPERATORS: Final = {"and", "or", "unless", "bool", "offset"}
_NO_NAMES: Final = r'"[^"]*"|\{[^}]*\}|\[[^]]*\]|\b(?:by|without|on|ignoring)\s*\([^)]*\)'


@dataclass(frozen=True)
class Source:
    """What one alert rule needs."""

    alert: str
    jobs: tuple[str, ...]  # each must have a target that is up
    metrics: tuple[str, ...]  # names that targets give, `up` left out


def source_of(rule: Mapping[str, Any]) -> Source:
    """Return what a rule needs. Raises BadInput for a metric of nobody known."""
    expression = str(rule["expr"])
    metrics = sorted(names_in(expression) - {_UP})
    of_up = re.findall(rf'\b{_UP}\{{job="([^"]+)"\}}', expression)
    return Source(rule["alert"], tuple(sorted({*of_up, *map(_job_of, metrics)})), tuple(metrics))


def names_in(expression: str) -> set[str]:
    """Return the metrics' names in an expression of PromQL: words that are no function, operator or label."""
    words = re.findall(r"([a-zA-Z_:][\w:]*)(\s*\()?", re.sub(_NO_NAMES, " ", expression))
    return {word for word, called in words if not called and word not in _OPERATORS}


def _job_of(metric: str) -> str:
    for prefix, job in _JOB_BY_PREFIX.items():
        if metric.startswith(prefix):
            return job
    raise BadInput(f"nobody is known to give {metric}")
