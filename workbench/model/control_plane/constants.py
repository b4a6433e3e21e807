"""Every number of the control plane's model: value or distribution, unit, and on whose word it is believed.

Most are defaults in Kubernetes' sources, and hold until the hub sets the flag. Where no published figure exists the
origin says "assumed", and the row is the first to measure on a real cluster. Left out: flags that RKE2 or an
operator of the hub may have changed; the manifests do not state them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from workbench.errors import BadInput
from workbench.model.parameter import Distribution, FloatArray, Parameter, Source, prior, triangular, uniform
from workbench.streams import stream
from workbench.topology.alerting import Alerting
from workbench.topology.load_balancer import LoadBalancer

MINOR_MIN: Final = 29
MINOR_MAX: Final = 34
_GRACE_50_FROM: Final = 32  # kubernetes#126287
_TAINT_AT_ONCE_FROM: Final = 34  # kubernetes#120816, CHANGELOG-1.34

_LIFECYCLE: Final = "Kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go"
_ELECTION: Final = "Kubernetes client-go tools/leaderelection/leaderelection.go"
_KUBEGRES: Final = "Kubegres 1.16 PrimaryToReplicaFailOver.go"


@dataclass(frozen=True)
class Release:
    """A Kubernetes release, 1.29 to 1.34."""

    minor: int

    @property
    def name(self) -> str:
        """Return "1.29"."""
        return f"1.{self.minor}"


def release(text: str) -> Release:
    """Return the release that a text such as "1.29" or "v1.32.4" names. Raises BadInput outside 1.29 to 1.34."""
    match = re.fullmatch(r"v?1\.(\d+)(\.\d+)?", text.strip())
    if match is None or not MINOR_MIN <= int(match[1]) <= MINOR_MAX:
        raise BadInput(f"Kubernetes {text!r}: a release from 1.{MINOR_MIN} to 1.{MINOR_MAX} is modelled, such as 1.29")
    return Release(int(match[1]))


_NODE: Final[Mapping[str, Parameter]] = {
    "lease_interval_s": prior(
        uniform(10.0, 10.4),
        "s",
        "Kubernetes pkg/kubelet/kubelet.go: 0.25 of a lease of 40 s; component-helpers lease/controller.go: 4 % jitter",
    ),
    "lease_age_share": prior(uniform(0.0, 1.0), "", "the fault's moment is not the lease's", "of the lease's interval"),
    "monitor_period_s": prior(5.0, "s", "Kubernetes kube-controller-manager --node-monitor-period"),
    "monitor_phase_share": prior(uniform(0.0, 1.0), "", "the fault's moment is not the controller's", "of a period"),
    "monitor_pass_s": prior(
        0.0008,
        "s",
        "the log in kubernetes#120815: 40.0066 s over eight periods of 5 s",
        "the period starts after the pass, so that eight of them are always longer than a grace of 40 s",
    ),
    "tainting_period_s": prior(0.1, "s", "Kubernetes nodelifecycle/scheduler/rate_limited_queue.go NodeEvictionPeriod"),
    "tainting_phase_share": prior(uniform(0.0, 1.0), "", "another loop's phase", "of a tainting period"),
    "eviction_rate_per_s": prior(0.1, "1/s", "Kubernetes --node-eviction-rate", "nodes tainted NoExecute, burst 1"),
    "secondary_eviction_rate_per_s": prior(0.01, "1/s", "Kubernetes --secondary-node-eviction-rate", "large zones"),
    "unhealthy_zone_threshold": prior(0.55, "", "Kubernetes --unhealthy-zone-threshold", "share of nodes not ready"),
    "large_cluster_nodes": prior(50.0, "nodes", "Kubernetes --large-cluster-size-threshold"),
    "kubelet_retry_s": prior(
        uniform(0.0, 7.0),
        "s",
        "Kubernetes component-helpers lease/controller.go maxBackoff 7 s",
        "from the API server's return to a kubelet's next renewal",
    ),
}

_ROUTING: Final[Mapping[str, Parameter]] = {
    "api_request_s": prior(
        triangular(0.002, 0.006, 0.03),
        "s",
        "assumed: a patch through the API server to etcd on a control plane of 2 cores",
    ),
    "client_qps": prior(20.0, "1/s", "Kubernetes kube-controller-manager --kube-api-qps"),
    "client_burst": prior(30.0, "requests", "Kubernetes kube-controller-manager --kube-api-burst"),
    "inflight_mutating": prior(200.0, "requests", "Kubernetes kube-apiserver --max-mutating-requests-inflight"),
    "slice_update_s": prior(
        triangular(0.01, 0.05, 1.0),
        "s",
        "assumed; Kubernetes pkg/controller/endpointslice acts on the pod's event, retries from 1 s",
    ),
    "rules_min_sync_s": prior(1.0, "s", "Kubernetes pkg/proxy/apis/config/v1alpha1/defaults.go IPTables.MinSyncPeriod"),
    "rules_sync_burst": prior(2.0, "syncs", "Kubernetes pkg/proxy/iptables/proxier.go burstSyncs"),
    "rules_sync_s": prior(triangular(0.02, 0.05, 0.3), "s", "assumed: iptables-restore of some hundred rules"),
    "dns_answer_age_s": prior(
        uniform(0.0, 30.0),
        "s",
        "CoreDNS Helm chart: ttl 30 of the kubernetes plugin (5 s without), cache 30; check the hub's Corefile",
        "how long an answer of before is still given",
    ),
}

_EVICTION: Final[Mapping[str, Parameter]] = {
    "pod_gc_period_s": prior(20.0, "s", "Kubernetes pkg/controller/podgc/gc_controller.go gcCheckPeriod"),
    "pod_gc_phase_share": prior(uniform(0.0, 1.0), "", "another loop's phase", "of its period"),
    "scheduling_s": prior(
        triangular(0.01, 0.05, 1.0),
        "s",
        "assumed: a free queue and a node with room, 1 s after a first refusal",
        "from a pod's creation to its binding",
    ),
    "pod_start_s": prior(
        triangular(1.0, 2.0, 5.0),
        "s",
        "Kubernetes community sig-scalability pod_startup_latency.md: 99 % within 5 s, images present",
        "from binding to Running",
    ),
}

_CONTROL_PLANE: Final[Mapping[str, Parameter]] = {
    "election_lease_s": prior(15.0, "s", "Kubernetes component-base config/v1alpha1/defaults.go LeaseDuration"),
    "election_retry_s": prior(2.0, "s", "Kubernetes component-base config/v1alpha1/defaults.go RetryPeriod"),
    "election_jitter_factor": prior(1.2, "", f"{_ELECTION} JitterFactor", "a retry waits 2 to 4.4 s"),
    "controller_start_s": prior(
        triangular(0.0, 5.0, 20.0),
        "s",
        "assumed: the kubelet's back-off of 10 s after a start that found no API server",
        "from the API server's return to the controller manager's first look at the lease",
    ),
    "scheduler_start_s": prior(
        uniform(0.0, 4.4),
        "s",
        "Kubernetes 1.29 cmd/kube-scheduler/app/options/options.go TolerateInClusterLookupFailure: it runs without an "
        "API server, and asks again every 2 to 4.4 s",
        "from the API server's return to the scheduler's first look at the lease",
    ),
    "informers_sync_s": prior(triangular(0.2, 0.5, 2.0), "s", "assumed: lists of a small cluster"),
    "network_up_s": prior(
        triangular(0.2, 0.5, 2.0),
        "s",
        "assumed: a namespace's link, the throwaway cluster's node",
        "after its power-on",
    ),
    "api_server_start_s": prior(
        triangular(5.0, 12.0, 40.0),
        "s",
        "assumed: a node's start, then etcd and the API server as static pods",
        "from a node's power-on to the API server's first answer",
    ),
    "fdatasync_s": prior(
        triangular(1.1e-4, 1.0e-3, 1.0e-2),
        "s",
        "etcd op-guide/performance.md: 10 ms on a spinning disk, often under 1 ms on an SSD; 0.11 ms on a virtual disk "
        "(measured)",
    ),
    "etcd_work_s": prior(triangular(2e-5, 5e-5, 2e-4), "s", "assumed: a single member's commit beside the fdatasync"),
    "snapshot_age_s": prior(
        uniform(0.0, 43_200.0), "s", "RKE2 etcd-snapshot-schedule-cron: every 12 h", "newest of the five that are kept"
    ),
    "object_writes_per_s": prior(1.0 / 60.0, "1/s", "assumed: a change worth keeping every minute; scale it"),
}

_CLIENTS: Final[Mapping[str, Parameter]] = {
    "ping_due_s": prior(
        uniform(0.0, 30.0),
        "s",
        "Kubernetes apimachinery pkg/util/net/http.go readIdleTimeoutSeconds 30",
        "from the loss to a client's next ping; the last frame came at any moment before",
    ),
    "ping_timeout_s": prior(15.0, "s", "Kubernetes apimachinery pkg/util/net/http.go pingTimeoutSeconds 15"),
    "first_repeat_s": prior(0.2, "s", "Linux include/net/tcp.h TCP_RTO_MIN", "doubles with each repetition"),
    "unreachable_s": prior(
        3.0,
        "s",
        "Linux Documentation/networking/ip-sysctl.rst neigh: mcast_solicit 3, retrans_time_ms 1000",
        "an attempt to connect to a node on the same network that does not answer",
    ),
    "reflector_first_s": prior(
        0.8,
        "s",
        "Kubernetes 1.29 client-go tools/cache/reflector.go NewExponentialBackoffManager",
        "doubles with each failure, times 1 to 2",
    ),
    "reflector_longest_s": prior(30.0, "s", "Kubernetes 1.29 client-go tools/cache/reflector.go", "times 1 to 2"),
    "too_large_version_s": prior(
        uniform(0.0, 3.1),
        "s",
        "Kubernetes 1.29 apiserver pkg/storage/cacher/watch_cache.go blockTimeout 3 s",
        "a list of a version that is ahead of the server; none where it has caught up",
    ),
    "kubelet_look_s": prior(
        uniform(0.0, 1.0), "s", "Kubernetes 1.29 pkg/kubelet/kubelet.go genericPlegRelistPeriod 1 s", "to the next look"
    ),
    "container_end_s": prior(
        triangular(0.05, 0.3, 2.0), "s", "assumed: signal, end, and the runtime's note of it", "beyond the grace"
    ),
}

_POSTGRES: Final[Mapping[str, Parameter]] = {
    "stateful_set_status_s": prior(triangular(0.05, 0.2, 2.0), "s", "assumed", "until readyReplicas is 0"),
    "kubegres_reconcile_s": prior(1.0, "s", "Kubegres 1.16 kubegres_controller.go: sleeps before it looks"),
    "kubegres_wait_s": prior(10.0, "s", f"{_KUBEGRES} CreateOperationConfigWaitingBeforeForFailingOver"),
    "replica_restart_s": prior(
        triangular(3.0, 6.0, 13.0), "s", "assumed: a fast shutdown within the grace of 10 s, then a container's start"
    ),
    "promote_s": prior(
        triangular(0.2, 0.27, 0.35), "s", "PostgreSQL 15 start as a standby and promotion (measured, on a virtual disk)"
    ),
    "replica_ready_s": prior(
        uniform(5.0, 15.0), "s", "Kubegres 1.16 PrimaryStatefulSetTemplate.yaml: first probe after 5 s, period 10 s"
    ),
}

_ALERT: Final[Mapping[str, Parameter]] = {
    "scrape_interval_s": prior(30.0, "s", "prometheus-operator scrapeInterval"),
    "scrape_phase_share": prior(uniform(0.0, 1.0), "", "the fault's moment is not the scrape's"),
    "evaluation_interval_s": prior(30.0, "s", "prometheus-operator evaluationInterval"),
    "evaluation_phase_share": prior(uniform(0.0, 1.0), "", "the rule group's offset is a hash of its name"),
    "alert_for_s": prior(0.0, "s", "Prometheus alerting rules: `for` where a rule is silent"),
    "group_wait_s": prior(30.0, "s", "Alertmanager configuration: group_wait"),
}

_BALANCING: Final[Mapping[str, Parameter]] = {
    "check_phase_share": prior(uniform(0.0, 1.0), "", "the fault's moment is not the look's", "of the looks' interval"),
}


def balancing_rows(balancer: LoadBalancer) -> dict[str, Parameter]:
    """Return the rows of the load balancer as its configuration states them."""

    def stated(value: float, unit: str, key: str) -> Parameter:
        return Parameter(value, unit, Source.MANIFEST, f"{balancer.file}, {key}", "")

    return {
        **_BALANCING,
        "check_interval_s": stated(balancer.check_interval_s, "s", "inter"),
        "check_fall": stated(float(balancer.fall), "looks", "fall"),
        "check_rise": stated(float(balancer.rise), "looks", "rise"),
        "connect_timeout_s": stated(balancer.connect_timeout_s, "s", "timeout connect"),
    }


def alert_rows(alerting: Alerting) -> dict[str, Parameter]:
    """Return the rows of the alert's way as the manifests state it."""

    def stated(value_s: float, key: str) -> Parameter:
        return Parameter(value_s, "s", Source.MANIFEST, key, "")

    return {
        "scrape_interval_s": stated(alerting.scrape_interval_s, "Prometheus spec.scrapeInterval"),
        "evaluation_interval_s": stated(alerting.evaluation_interval_s, "Prometheus spec.evaluationInterval"),
        "alert_for_s": stated(alerting.for_s, "PrometheusRule, for"),
        "group_wait_s": stated(alerting.group_wait_s, "AlertmanagerConfig spec.route, groupWait"),
    }


def rows(of: Release) -> dict[str, Parameter]:
    """Return every row that a forecast for this release uses, by name."""
    grace_s = 40.0 if of.minor < _GRACE_50_FROM else 50.0
    passes = 1.0 if of.minor < _TAINT_AT_ONCE_FROM else 0.0
    releases = {
        "monitor_grace_s": prior(grace_s, "s", f"Kubernetes {of.name} --node-monitor-grace-period"),
        "passes_before_taint": prior(
            passes,
            "passes",
            f"{_LIFECYCLE} processTaintBaseEviction: judged by the condition before the pass until 1.33 "
            "(kubernetes#120816)",
            "from NotReady to the NoExecute taint being asked for",
        ),
    }
    return {**releases, **_NODE, **_ROUTING, **_EVICTION, **_CONTROL_PLANE, **_CLIENTS, **_POSTGRES, **_ALERT}


@dataclass(frozen=True)
class Draws:
    """Every parameter of every replication: arrays of one number a replication, each from a stream of its own."""

    by_name: Mapping[str, Parameter]
    seed: int
    replications: int

    def of(self, name: str, *owner: str) -> FloatArray:
        """Return a parameter's draws; each `owner` (a node, a pod) has its own. Raises KeyError for an unknown name."""
        value = self.by_name[name].value
        if isinstance(value, Distribution):
            return value.quantile(self.shares(name, *owner))
        return np.full(self.replications, float(value))

    def number(self, name: str) -> float:
        """Return a parameter that is one number."""
        return float(self.by_name[name].value)

    def shares(self, *name: str, columns: int | None = None) -> FloatArray:
        """Return uniform draws in [0, 1): one a replication, or a row of `columns` a replication."""
        shape = self.replications if columns is None else (self.replications, columns)
        return self.generator(*name).random(shape)

    def generator(self, *name: str) -> np.random.Generator:
        """Return the stream of that name, for draws of another kind."""
        return stream(self.seed, "control-plane", *name)
