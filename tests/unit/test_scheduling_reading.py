"""Kubernetes YAML to pods and nodes: what is read, and that nothing that decides placement is dropped in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.scheduling_cases import MI, written
from workbench.errors import BadInput
from workbench.model.scheduling import Pod, read_nodes, read_workloads
from workbench.model.scheduling.objects import HOSTNAME, Requests, Requirement, Selector, Taint, Toleration
from workbench.scenario import PROJECT_ROOT

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, tier: front}}
    spec:
      priorityClassName: important
      nodeSelector: {disk: ssd}
      tolerations: [{key: dedicated, operator: Exists, effect: NoSchedule}]
      affinity:
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms: [{matchExpressions: [{key: cores, operator: Gt, values: ["4"]}]}]
          preferredDuringSchedulingIgnoredDuringExecution:
            - {weight: 7, preference: {matchExpressions: [{key: disk, operator: Exists}]}}
        podAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
            - weight: 3
              podAffinityTerm: {topologyKey: zone, namespaces: [a, b], labelSelector: {matchLabels: {app: db}}}
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            - {topologyKey: zone, namespaceSelector: {}, labelSelector: {matchLabels: {app: web}}}
      topologySpreadConstraints:
        - {maxSkew: 2, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: web}}}
      initContainers:
        - {name: first, resources: {requests: {cpu: "2", memory: 10Mi}}}
      containers:
        - {name: one, resources: {requests: {cpu: 100m, memory: 64Mi}}}
        - {name: two, resources: {limits: {cpu: 300m}}}
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: important}
value: 1000
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {tier: front}}
"""
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers: [{name: c}]\n"
VOLUME = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 2
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c}]}}
  volumeClaimTemplates: [{metadata: {name: data}}]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data-db-1}
spec: {volumeName: pv-1}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: pv-1}
spec:
  nodeAffinity:
    required:
      nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [worker-2]}]}]
"""


def the_pod(folder: Path, text: str) -> Pod:
    """Return the first pod of a text."""
    return read_workloads(written(folder, text)).pods[0]


def problems(folder: Path, text: str) -> str:
    """Return what is said against a text."""
    with pytest.raises(BadInput) as caught:
        read_workloads(written(folder, text))
    return str(caught.value)


def test_a_deployment_becomes_its_pods(tmp_path: Path) -> None:
    """Every field that decides placement is read: requests are the containers' sum or the init container's if more."""
    workloads = read_workloads(written(tmp_path, DEPLOYMENT))
    assert [pod.key for pod in workloads.pods] == ["shop/web-0", "shop/web-1"]
    pod = workloads.pods[0]
    assert (pod.owner, pod.priority, workloads.left_out) == ("Deployment web", 1000, ())
    # CPU: 100m + the limit of 300m = 400m, the init container asks 2000m. Memory: 64 Mi + nothing, 200 Mi if counted.
    assert pod.requests == Requests(2000, 64 * MI, 2000, 264 * MI)
    assert pod.node_selector == Selector.of({"disk": "ssd"})
    assert pod.node_terms == (Selector((Requirement("cores", "Gt", ("4",)),)),)
    assert (pod.node_preferences[0].weight, pod.preferred_affinity[0].weight) == (7, 3)
    assert pod.preferred_affinity[0].term.namespaces == frozenset({"a", "b"})
    assert (pod.anti_affinity[0].all_namespaces, pod.anti_affinity[0].namespaces) == (True, frozenset())
    assert (pod.spread[0].max_skew, pod.spread[0].hard) == (2, True)
    assert pod.tolerations[0] == Toleration("dedicated", "Exists", "", "NoSchedule")
    assert {each.key for each in pod.tolerations[1:]} == {
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    }


def test_the_built_in_spreading_is_over_services_and_owner(tmp_path: Path) -> None:
    """The Service selects by tier, the Deployment by app: pods must have both. A bare pod has neither."""
    selector = the_pod(tmp_path, DEPLOYMENT).default_selector
    assert selector == Selector((Requirement("tier", "In", ("front",)), Requirement("app", "In", ("web",))))
    assert the_pod(tmp_path, POD).default_selector is None


def test_unstated_requests_count_as_kubernetes_has_them(tmp_path: Path) -> None:
    """Nothing asked, 100m and 200 Mi counted; a stated 0 stays 0."""
    assert the_pod(tmp_path, POD).requests == Requests(0, 0, 100, 200 * MI)
    stated = POD.replace("{name: c}", '{name: c, resources: {requests: {cpu: "0", memory: "0"}}}')
    assert the_pod(tmp_path, stated).requests == Requests(0, 0, 0, 0)


def test_a_bound_volume_names_its_host(tmp_path: Path) -> None:
    """The claim of the second pod is bound to a volume on worker-2; the first pod's is made when it is placed."""
    pods = read_workloads(written(tmp_path, VOLUME)).pods
    assert [pod.volume_hostnames for pod in pods] == [None, frozenset({"worker-2"})]


@pytest.mark.parametrize(
    ("field", "named"),
    [
        ("nodeName: worker-1", "spec.nodeName"),
        ("schedulingGates: [{name: x}]", "spec.schedulingGates"),
        ("runtimeClassName: kata", "spec.runtimeClassName"),
        ("overhead: {cpu: 1m}", "spec.overhead"),
        ("hostNetwork: true", "spec.hostNetwork"),
        ("schedulerName: mine", "spec.schedulerName"),
        ("nodeSelecter: {a: b}", "spec.nodeSelecter is not modelled"),
        ("priorityClassName: unknown", "spec.priorityClassName"),
        ("affinity: {podAntiAfinity: {}}", "did you mean podAntiAffinity?"),
        ("volumes: [{name: v, persistentVolumeClaim: {claimName: gone}}]", "gone"),
        ("volumes: [{name: v, rbd: {image: x}}]", "spec.volumes[0].rbd"),
        ("tolerations: [{value: x}]", "operator Exists for all taints"),
        ("tolerations: [{key: x, effect: NoSchedul}]", "did you mean NoSchedule?"),
        (
            "topologySpreadConstraints: [{maxSkew: 1, topologyKey: z, minDomains: 2}]",
            "spec.topologySpreadConstraints[0].minDomains",
        ),
        (
            "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
            "{nodeSelectorTerms: [{matchFields: []}]}}}",
            "nodeSelectorTerms[0].matchFields",
        ),
        (
            "affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
            "[{topologyKey: z, namespaceSelector: {matchLabels: {a: b}}}]}}",
            "namespaceSelector",
        ),
    ],
)
def test_a_field_that_is_not_modelled_is_refused_by_name(tmp_path: Path, field: str, named: str) -> None:
    """What would decide placement and is not read is never ignored."""
    assert named in problems(tmp_path, f"{POD}  {field}\n")


@pytest.mark.parametrize(
    ("container", "named"),
    [
        ("{name: c, resources: {requests: {nvidia.com/gpu: 1}}}", "nvidia.com/gpu"),
        ("{name: c, resources: {requests: {cpu: half}}}", "containers[0].requests.cpu is half"),
        ("{name: c, ports: [{containerPort: 1, hostPort: 1}]}", "ports[0].hostPort"),
    ],
)
def test_a_containers_part_that_is_not_modelled_is_refused(tmp_path: Path, container: str, named: str) -> None:
    """Other resources and host ports keep pods off nodes."""
    said = problems(tmp_path, POD.replace("{name: c}", container))
    assert named in said.replace("resources.requests.cpu", "requests.cpu")


def test_all_problems_come_at_once_with_their_lines(tmp_path: Path) -> None:
    """Two wrong fields and a second pod of the same name are three problems."""
    said = problems(tmp_path, f"{POD}  nodeName: a\n  overhead: 1\n---\n{POD}")
    assert said.count("objects.yaml") == 4  # the headline names the file too
    assert "objects.yaml:6: spec.nodeName" in said
    assert "that of 2 pods, default/x" in said


def test_a_selector_must_select_its_own_pods(tmp_path: Path) -> None:
    """The API server refuses it otherwise."""
    text = DEPLOYMENT.replace("{app: web, tier: front}", "{app: api}")
    assert "spec.selector is not met by the template's labels" in problems(tmp_path, text)


def test_what_makes_pods_and_is_not_read_is_listed(tmp_path: Path) -> None:
    """A DaemonSet beside a pod is told; alone there is nothing to place."""
    daemons = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: logs}\n"
    assert read_workloads(written(tmp_path, f"{POD}---\n{daemons}")).left_out == ("DaemonSet logs",)
    assert "DaemonSet logs" in problems(tmp_path, daemons)


def test_the_hubs_custom_resources_become_their_pods() -> None:
    """Strimzi's and Kubegres's replicas, requests and anti-affinity; what else Strimzi makes is told as left out."""
    workloads = read_workloads(PROJECT_ROOT / "manifests" / "base")
    names = [pod.name for pod in workloads.pods]
    assert names[:4] == ["hub-zookeeper-0", "hub-zookeeper-1", "hub-zookeeper-2", "hub-kafka-0"]
    assert names[6:10] == ["postgres-1-0", "postgres-2-0", "postgres-3-0", "redis-0"]
    assert names[10:] == ["event-processor-0", "event-processor-1", "gateway-0"]
    broker = workloads.pods[3]
    assert (broker.requests.cpu_m, broker.requests.memory_bytes) == (1000, 2048 * MI)
    assert broker.anti_affinity[0].topology_key == HOSTNAME
    assert workloads.left_out == ("the entity operator of Kafka hub", "the Kafka exporter of Kafka hub")


def test_nodes_are_read_also_from_a_list(tmp_path: Path) -> None:
    """As `kubectl get nodes -o yaml` writes them; a missing hostname label is the node's name."""
    node = "{apiVersion: v1, kind: Node, metadata: {name: a, labels: {disk: ssd}}, spec: {unschedulable: true, taints: "
    node += "[{key: k, effect: NoExecute}]}, status: {allocatable: {cpu: 1500m, memory: 1Ki, pods: 7, other: 1}}}"
    nodes = read_nodes(written(tmp_path, f"apiVersion: v1\nkind: List\nitems: [{node}]\n"))
    assert (nodes[0].name, nodes[0].cpu_m, nodes[0].memory_bytes, nodes[0].pods) == ("a", 1500, 1024, 7)
    assert nodes[0].labels == {HOSTNAME: "a", "disk": "ssd"}
    assert (nodes[0].taints, nodes[0].unschedulable) == ((Taint("k", "", "NoExecute"),), True)


def test_wrong_nodes_are_told_together(tmp_path: Path) -> None:
    """No room stated, a name twice, or no node at all."""
    bare = "apiVersion: v1\nkind: Node\nmetadata: {name: a}\n"
    with pytest.raises(BadInput) as caught:
        read_nodes(written(tmp_path, f"{bare}---\n{bare}"))
    assert "status is missing" in str(caught.value)
    assert "a name that no other node has" in str(caught.value)
    with pytest.raises(BadInput, match="without a Node"):
        read_nodes(written(tmp_path, POD))
