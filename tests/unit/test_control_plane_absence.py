"""A control plane's absence: the forecast, what clients do while it is silent, and moments from facts."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.drill.nodes.absent import NEW_POD, Absence, Sightings, absence_moments, lost_and_kept
from workbench.drill.nodes.facts import EndpointsFact, Facts, NodeFact, PodFact, RulesFact
from workbench.model.control_plane import release
from workbench.model.control_plane.absence import AbsenceForecast, Restored, absence_forecast
from workbench.model.control_plane.constants import Draws, rows
from workbench.model.control_plane.reflector import looks_again_s

WORKERS = ["worker-1", "worker-2"]
REPLICATIONS = 400


def _forecast(away_s: float, restored: Restored | None = None) -> AbsenceForecast:
    return absence_forecast(WORKERS, away_s, restored, release("1.29"), REPLICATIONS, seed=3)


def _values(forecast: AbsenceForecast) -> dict[str, np.ndarray]:
    return {moment.name: moment.values for moment in forecast.moments}


@pytest.mark.parametrize("away_s", [10.0, 90.0, 600.0])
def test_nobody_is_evicted_however_long_it_is_away(away_s: float) -> None:
    """Every node has a fresh grace, and its kubelet renews long before that is over."""
    values = _values(_forecast(away_s))
    assert not values["nodes_not_ready"].any()
    assert not values["pods_evicted"].any()
    assert (values["first_bound_s"] >= 15.0).all()  # the lease of the scheduler before
    assert (values["endpoints_changed_s"] >= 15.0).all()
    assert (values["first_running_s"] > values["first_bound_s"]).all()
    assert (values["rules_written_s"] > values["endpoints_changed_s"]).all()


def test_a_restore_loses_what_was_made_since() -> None:
    """As many as the stated rate makes in the snapshot's age, on average, and nothing of before."""
    restored = Restored(creations_per_s=3.0, age_s=(20.0, 40.0), grace_s=1.0)
    values = _values(_forecast(60.0, restored))
    assert np.mean(values["objects_lost"]) == pytest.approx(90.0, rel=0.05)
    assert not values["objects_kept"].any()
    assert not values["older_objects_lost"].any()
    assert (values["orphans_ended_s"] > 1.0).all()
    assert "objects_lost" not in _values(_forecast(60.0))


def test_the_longer_the_silence_the_later_clients_look() -> None:
    """The back-off doubles to 30 s, times 1 to 2: after ten minutes a client may wait a minute, never longer."""
    draws = Draws(rows(release("1.29")), 5, REPLICATIONS)
    medians_s = []
    for silent_s in (20.0, 60.0, 600.0):
        answers = np.full(REPLICATIONS, silent_s + 10.0)
        waits = looks_again_s(draws, "client", answers - 10.0, answers) - answers
        assert (waits >= 0.0).all()
        assert waits.max() <= 63.0
        medians_s.append(float(np.median(waits)))
    assert medians_s == sorted(medians_s)
    assert medians_s[-1] > 10.0 > medians_s[0]


def test_a_short_silence_ends_with_the_repeated_ping() -> None:
    """Back before any connection counted as lost: the repetition of a ping finds none there, and the client asks."""
    draws = Draws(rows(release("1.29")), 5, REPLICATIONS)
    silent = np.full(REPLICATIONS, 5.0)
    waits = looks_again_s(draws, "client", silent, silent) - silent
    assert waits.max() <= 25.0 + 1e-9  # the next ping
    assert np.median(waits) == pytest.approx(10.0, abs=3.0)


def test_moments_count_from_the_answer() -> None:
    """First changes after the API server's return; rules when the last worker has written them."""
    absence = Absence(100.0, 190.0, 200.0, "moved", "10.0.0.9")
    facts = Facts(
        nodes=[NodeFact(201.0, "worker-1", True, False), NodeFact(250.0, "control-plane", False, False)],
        pods=[
            PodFact(201.0, NEW_POD, "", "", False, False, False),
            PodFact(220.0, NEW_POD, "worker-1", "", False, False, False),
            PodFact(224.0, NEW_POD, "worker-1", "", True, True, False),
        ],
        endpoints=[EndpointsFact(201.0, ("moved", "a")), EndpointsFact(219.0, ("a",))],
        rules=[RulesFact(202.0, "worker-1", ("10.0.0.9",)), RulesFact(221.0, "worker-1", ()),
               RulesFact(230.0, "worker-2", ())],
    )  # fmt: skip
    seen = Sightings(0.7, [(90.0, False), (150.0, True), (151.0, False)], {"worker-1": 203.0, "worker-2": 205.0})
    assert absence_moments(facts, seen, absence, WORKERS) == {
        "restarted_s": 0.7,
        "connections_failed": 1.0,
        "nodes_not_ready": 0.0,
        "pods_evicted": 0.0,
        "leases_renewed_s": 5.0,
        "first_bound_s": 20.0,
        "first_running_s": 24.0,
        "endpoints_changed_s": 19.0,
        "rules_written_s": 30.0,
    }
    assert absence_moments(Facts(), Sightings(), absence, WORKERS)["rules_written_s"] is None


def test_lost_and_kept_objects_are_told_apart() -> None:
    """By the snapshot's two moments; what was made while it was taken counts for neither side."""
    made = {"before": 9.0, "during": 10.5, "after": 12.0, "kept": 13.0, "gone": 8.0}
    assert lost_and_kept(made, {"before", "kept"}, (10.0, 11.0)) == {
        "objects_lost": 1.0,
        "objects_kept": 1.0,
        "older_objects_lost": 1.0,
    }
