"""One replication's traffic through the compiled kernels: each event's acknowledgement and committed row."""

from __future__ import annotations

import numpy as np

from workbench.engine.checking import check
from workbench.engine.inputs import Disturbance, Fate, FloatArray, Service, Traffic
from workbench.engine.kernels import acknowledge, commit, reach_processors
from workbench.ordering import ascending, grouped


def run(traffic: Traffic, disturbance: Disturbance, service: Service) -> Fate:
    """Return the fate of every event of `traffic`. Raises ToolFailed when it breaks a rule of checking.py."""
    acked_s = _acknowledgements(traffic, disturbance, service)
    visible_s, queued_s, lost = reach_processors(
        acked_s,
        traffic.partition,
        disturbance.processor,
        disturbance.begins_s,
        disturbance.visible_from_s,
        disturbance.fetchable_from_s,
        disturbance.loses_tail,
        service.replication_lag_s,
        service.fetch_s,
    )
    committed_s = _commits(queued_s, traffic, disturbance, service)
    fate = Fate(acked_s, visible_s, committed_s, int(lost))
    check(traffic, disturbance, fate)
    return fate


def _acknowledgements(traffic: Traffic, disturbance: Disturbance, service: Service) -> FloatArray:
    clients, partitions = disturbance.held_until_s.shape
    order, edges = grouped(traffic.client * partitions + traffic.partition, clients * partitions)
    held_until_s = disturbance.held_until_s.ravel()
    acked_s = np.empty(len(order))
    acked_s[order] = acknowledge(
        traffic.intended_s[order],
        traffic.response_s[order],
        edges,
        disturbance.begins_s,
        held_until_s,
        disturbance.head_until_s.ravel(),
        np.argsort(held_until_s, kind="stable"),
        disturbance.connection.ravel(),
        service.linger_s,
        service.produce_events_max,
        service.request_s,
        service.request_event_s,
        disturbance.pace.of_responses(service.typical_response_s),
    )
    return acked_s


def _commits(queued_s: FloatArray, traffic: Traffic, disturbance: Disturbance, service: Service) -> FloatArray:
    """Commit times; events that are in no queue have none."""
    processor = disturbance.processor
    committed_s = np.full(len(queued_s), np.nan)
    arrivals = ascending(queued_s)
    order, edges = grouped(processor[traffic.partition[arrivals]], int(processor.max(initial=-1)) + 1)
    rows = arrivals[order]
    committed_s[rows] = commit(
        queued_s[rows],
        traffic.noise[rows],
        edges,
        service.batch_linger_s,
        service.batch_events_max,
        service.batch_fixed_s,
        service.batch_event_s,
        service.rest_fixed_s,
        service.rest_event_s,
        service.saturation_factor,
        service.stamp_lead_s,
        disturbance.pace.of_batches,
    )
    return committed_s
