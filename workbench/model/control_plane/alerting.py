"""From a change in the cluster's state to the alert about it: scrape, evaluation, `for`, group_wait.

Prometheus sees the change at the next scrape, its rule at the next evaluation after that; an alert is pending from
that evaluation on and fires at the first one at least `for` later (rules/alerting.go), so `for` is rounded up to
evaluations. Alertmanager waits group_wait for others of the group (dispatch/dispatch.go).

Left out: an exporter that polls (kube-state-metrics watches), a Prometheus or Alertmanager on the lost node, an
existing group (group_interval in place of group_wait), the mail's or pager's own way, scrapes that fail.
"""

from __future__ import annotations

import math

from workbench.model.control_plane.constants import Draws
from workbench.model.parameter import FloatArray


def delivery_delay_s(draws: Draws) -> FloatArray:
    """Return the time from a change to its alert leaving Alertmanager, one number a replication."""
    scrape_s = draws.number("scrape_interval_s") * draws.of("scrape_phase_share")
    interval_s = draws.number("evaluation_interval_s")
    evaluation_s = interval_s * draws.of("evaluation_phase_share")
    pending_s = math.ceil(draws.number("alert_for_s") / interval_s) * interval_s
    return scrape_s + evaluation_s + pending_s + draws.number("group_wait_s")
