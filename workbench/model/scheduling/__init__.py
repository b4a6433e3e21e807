"""kube-scheduler 1.29 as a model: its filters and scores explained pod by pod, its queues over time, and a fast path.

Objects come from Kubernetes YAML (`read_workloads`, `read_nodes`); `place_all` explains each placement, `place_bulk`
places very many alike, `play` says when each pod is bound. See docs/scheduling.md for what is left out.
"""

from workbench.model.scheduling.arrivals import replicaset_arrivals
from workbench.model.scheduling.bulk import place_bulk
from workbench.model.scheduling.course import Arrival, Course, NodePut, PodDeleted, Timing, play
from workbench.model.scheduling.objects import Node, Pod, Requests
from workbench.model.scheduling.placing import Decision, place_all
from workbench.model.scheduling.reading import Workloads, read_nodes, read_workloads

__all__ = [
    "Arrival",
    "Course",
    "Decision",
    "Node",
    "NodePut",
    "Pod",
    "PodDeleted",
    "Requests",
    "Timing",
    "Workloads",
    "place_all",
    "place_bulk",
    "play",
    "read_nodes",
    "read_workloads",
    "replicaset_arrivals",
]
