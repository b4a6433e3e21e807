"""The Postgres primary's death with fail-over: a standby is promoted, and the processors find it.

Kubegres's rules decide when: the primary is unready at the kubelet's next look, the controller sleeps 1 s, gives the
primary up and waits 10 s (model/control_plane/kubegres.py has the sources; on the local target a stand-in does it).
Promotion of a running standby ends its recovery; its write-ahead log was replayed as it came. The processors try again
after 0.1, 0.2, 0.4, 0.8 and then every 1 s, and take whichever instance accepts writes. The other standby follows the
new primary; the lost instance is copied from it 40 s after the promotion was asked for, so it is the last to connect.

Acknowledged rows are lost that the promoted standby had not received: replication is asynchronous, and the offsets of
those rows are committed to Kafka, so no processor writes them again. Where the standbys keep up these are the rows of
the last milliseconds, as a rule none.

Left out: a standby that is not the most advanced, a DNS answer's age, a spread checkpoint before the copy.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workbench.engine import Outage
from workbench.metrics.catalogue import POLL_S
from workbench.metrics.tables import after_fault
from workbench.model.outcome import Course, kafka_goes_on, polled_s, turns
from workbench.model.pace import pace_of_outage
from workbench.model.postgres import BACKOFF_LONGEST_S
from workbench.model.restarted import Restarted
from workbench.model.world import Setting


def play(setting: Setting, draws: Mapping[str, float]) -> Course:
    """Return one replication's course."""
    asked_s = draws["kubelet_relist_s"] + draws["kubegres_reconcile_s"] + draws["kubegres_wait_s"]
    asked_s += draws["promotion_notice_s"]
    promoted = Restarted(setting, draws)
    promoted.play(
        draws["promotion_s"], BACKOFF_LONGEST_S, draws["search_s"], draws["postgres_connect_s"], begins_s=asked_s
    )
    count = len(setting.consumers)
    resumes_s = np.array([promoted.reached_s[each] for each in range(count)])
    resumed_s = float(resumes_s.max())
    owners = np.array(setting.processors_of_partition, dtype=np.int64)
    arrival = turns(setting, draws["fetch_ring_share"])
    outage = Outage(np.zeros(count), np.ones(count, np.bool_), resumes_s, owners, arrival)
    phase_s = draws["poll_stores_phase_s"]
    rebuilt_s = asked_s + draws["kubegres_complete_s"] + draws["standby_copy_s"]
    moments = after_fault(
        postgres_promotion_asked_s=asked_s,
        postgres_writes_s=polled_s(promoted.serves_s, POLL_S, phase_s),
        standbys_connected_s=polled_s(rebuilt_s, POLL_S, phase_s),
    )
    pace = pace_of_outage(draws, count, 0.0, resumed_s)
    awaited_s = (moments.postgres_writes_s, moments.standbys_connected_s)
    disturbance = kafka_goes_on(setting, outage, pace)
    return Course(moments, disturbance, resumed_s, awaited_s, rows_lost_s=draws["replication_receive_s"])
