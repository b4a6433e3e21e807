"""The Postgres primary's death with fail-over: a standby is promoted, and the processors find it.

Kubegres's rules decide when: the primary is unready at the kubelet's next look, the controller sleeps 1 s, gives the
primary up and waits 10 s (model/control_plane/kubegres.py has the sources; on the local target a stand-in does it).
Promotion of a running standby ends its recovery; its write-ahead log was replayed as it came. The processors try again
after 0.1, 0.2, 0.4, 0.8 and then every 1 s, and take whichever instance accepts writes. The other standby follows the
new primary; the lost instance is copied from it 40 s after the promotion was asked for, so it is the last to connect.

Acknowledged rows are lost that the promoted standby had not received: replication is asynchronous, and the offsets of
those rows are committed to Kafka, so no processor writes them again. Where the standbys keep up these are the rows of
the last milliseconds, as a rule none. Where the primary's WAL senders stand still for a while before it dies (`lag_s`),
nothing of what it commits meanwhile leaves it (PostgreSQL 14 walsender.c: the log is read from the disk as it is sent),
and all of that is lost; its clients notice nothing, since commits wait for the primary's own disk alone
(synchronous_standby_names is empty).

Left out: a standby that is not the most advanced, a DNS answer's age, a spread checkpoint before the copy.
"""

from __future__ import annotations

from collections.abc import Mapping

from workbench.model.outcome import Course
from workbench.model.postgres import BACKOFF_LONGEST_S, without_primary
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
    rebuilt_s = asked_s + draws["kubegres_complete_s"] + draws["standby_copy_s"]
    lost_s = setting.lag_s + draws["replication_receive_s"]
    return without_primary(setting, draws, promoted, rebuilt_s, lost_s, postgres_promotion_asked_s=asked_s)
