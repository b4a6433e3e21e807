"""What Kubernetes does when a node or the control plane goes silent, and when: the control loops, not the scheduler.

Each file says what it models and what it leaves out; `constants.py` holds every number with its source.
"""

from workbench.model.control_plane.constants import Release, release
from workbench.model.control_plane.forecast import ALERT, CONTROL_PLANE, node_loss
from workbench.model.control_plane.results import Forecast, Loss

__all__ = ["ALERT", "CONTROL_PLANE", "Forecast", "Loss", "Release", "node_loss", "release"]
