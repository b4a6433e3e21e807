"""One pod of a Service gone at once: when each node's kube-proxy sends nothing to it any more.

Left out: what routing.py leaves out; a pod that ends in good order, which leaves the rules before it ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.model.control_plane.constants import Draws, Release, rows
from workbench.model.control_plane.results import Moment
from workbench.model.control_plane.routing import routing
from workbench.model.parameter import Parameter


def endpoint_forecast(
    nodes: Sequence[str], of: Release, replications: int, seed: int
) -> tuple[tuple[Moment, ...], dict[str, Parameter]]:
    """Return the moments, counted from the pod's deletion from the API, and the parameters behind them."""
    draws = Draws(rows(of), seed, replications)
    gone = routing(draws, np.zeros(replications), 1, nodes)
    moments = [Moment("endpoints_gone_s", "out of the EndpointSlices", "s", gone.endpoints_gone_s)]
    for node, written_s in zip(nodes, gone.written_s, strict=True):
        moments.append(Moment(f"rules_gone_{node}_s", f"out of the rules of {node}", "s", written_s))
    return tuple(moments), dict(draws.by_name)
