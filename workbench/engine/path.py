"""One replication's traffic through the compiled kernels: each event's acknowledgement and committed row."""

from __future__ import annotations

import numpy as np

from workbench.engine.checking import check
from workbench.engine.inputs import (
    BoolArray,
    Disturbance,
    Fate,
    FloatArray,
    IntArray,
    Outage,
    Service,
    Traffic,
    never_stop,
)
from workbench.engine.kernels import acknowledge, by_series, commit, reach_processors, shared_out
from workbench.ordering import ascending


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
        disturbance.tail_from_s,
        service.replication_lag_s,
        service.fetch_s,
    )
    committed_s = _commits(queued_s, traffic, disturbance, service)
    fate = Fate(acked_s, visible_s, committed_s, int(lost))
    check(traffic, disturbance, fate)
    return fate


def _acknowledgements(traffic: Traffic, disturbance: Disturbance, service: Service) -> FloatArray:
    clients, partitions = disturbance.held_until_s.shape
    order, intended_s, edges = by_series(traffic.intended_s, traffic.client, traffic.partition, clients, partitions)
    held_until_s = disturbance.held_until_s.ravel()
    return acknowledge(
        order,
        intended_s,
        traffic.response_s,
        edges,
        disturbance.begins_s,
        held_until_s,
        disturbance.head_until_s.ravel(),
        np.argsort(held_until_s, kind="stable"),
        disturbance.connection.ravel(),
        service.request_s,
        service.request_event_s,
        (service.linger_s, service.produce_events_max, disturbance.pace.of_responses(service.typical_response_s)),
    )


def _commits(queued_s: FloatArray, traffic: Traffic, disturbance: Disturbance, service: Service) -> FloatArray:
    """Commit times; events that are in no queue have none. Where there is an outage, what is before it and after."""
    outage = disturbance.outage
    arrivals = ascending(queued_s)
    processors = int(disturbance.processor.max(initial=-1)) + 1
    committed_s = np.full(len(queued_s), np.nan)
    if outage is None:
        stops = never_stop(processors)
        _write(committed_s, arrivals, disturbance.processor, queued_s, stops, traffic, disturbance, service)
        return committed_s
    before, later = (outage.stops_s, outage.cuts), never_stop(len(outage.stops_s))
    _write(committed_s, arrivals, disturbance.processor, queued_s, before, traffic, disturbance, service)
    rows, again_s = _left_over(outage, committed_s, queued_s, traffic)
    _write(committed_s, rows, outage.processor, again_s, later, traffic, disturbance, service)
    return committed_s


def _left_over(
    outage: Outage, committed_s: FloatArray, queued_s: FloatArray, traffic: Traffic
) -> tuple[IntArray, FloatArray]:
    """Return the rows that are written after the outage, in the order in which they arrive again, and when all do."""
    owner = outage.processor[traffic.partition]
    back_s = np.where(owner >= 0, outage.resumes_s[owner], np.inf)
    again_s = np.maximum(queued_s, back_s)
    turn = np.where(queued_s < back_s, outage.turn[traffic.partition], -1)
    order = np.lexsort((turn, again_s))
    return order[(np.isnan(committed_s) & np.isfinite(again_s))[order]], again_s


def _write(
    committed_s: FloatArray,
    arrivals: IntArray,
    processor: IntArray,
    queued_s: FloatArray,
    stops: tuple[FloatArray, BoolArray],
    traffic: Traffic,
    disturbance: Disturbance,
    service: Service,
) -> None:
    """Fill in when each partition's `processor` commits the rows `arrivals`, in that order, up to where it `stops`."""
    rows, edges = shared_out(arrivals, traffic.partition, processor, len(stops[0]))
    commit(
        committed_s,
        rows,
        queued_s[rows],
        traffic.noise,
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
        disturbance.pace.of_full_batches,
        stops,
    )
