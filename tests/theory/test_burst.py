"""A burst of the load against the fluid limit: what gathers while more comes than is written, and how it drains."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.engine_cases import BATCH, a_service, a_traffic, undisturbed_brokers
from workbench import engine
from workbench.engine import NEVER, Pace

PER_S = 400.0
BURST_S = 20.0


@pytest.mark.parametrize(("factor", "slower"), [(5.0, 1.0), (5.0, 1.6), (3.0, 2.0), (1.5, 1.0)])
def test_what_gathers_and_drains_is_what_the_fluid_limit_says(factor: float, slower: float) -> None:
    """Peak: (k r - c / f) T, of k times the rate r beside capacity c, f times slower; drain: the peak over c - r.

    3 % and two batches of each processor off; nothing gathers where the capacity suffices.
    """
    service_per_s = 1000.0
    spans = ((-5.0, 0.0, PER_S), (0.0, BURST_S, factor * PER_S), (BURST_S, 140.0, PER_S))
    intended_s = np.concatenate([np.arange(start_s, end_s, 1.0 / per_s) for start_s, end_s, per_s in spans])
    even, slow = np.ones(3), np.array([1.0, slower, 1.0])
    pace = Pace(np.array([NEVER, 0.0, BURST_S]), even, slow, even, slow)
    event_s = 2.0 / service_per_s  # of each processor
    fate = engine.run(a_traffic(intended_s), undisturbed_brokers(pace=pace), a_service(event_s))
    waiting = np.count_nonzero((intended_s <= BURST_S) & ~(fate.committed_s <= BURST_S))
    theory = max(0.0, (factor * PER_S - service_per_s / slower) * BURST_S)
    assert waiting == pytest.approx(theory, rel=0.03, abs=4 * BATCH)
    late = np.flatnonzero((intended_s > BURST_S) & (fate.committed_s - intended_s > 0.1 + BATCH * event_s))
    drained_s = float(fate.committed_s[late].max(initial=BURST_S))
    assert drained_s - BURST_S == pytest.approx(theory / (service_per_s - PER_S), rel=0.03, abs=1.0)
