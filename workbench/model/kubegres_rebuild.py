"""After a fail-over: for how long the loss of the new primary finds nobody to take over.

Kubegres 1.16 counts a fail-over as complete no earlier than 40 s after its beginning, then makes a new instance, and
does no other fail-over until that one is ready or the operation has timed out (300 s). The new instance copies the
primary with pg_basebackup, which first waits for a checkpoint: a spread one (checkpoints.py) unless it asks for a fast
one (PostgreSQL 14 pg_basebackup --checkpoint).

Left out: a copy that is slower than the time-out and begins anew, a primary whose own restart in place comes first.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from workbench.model.parameter import Distribution, FloatArray, triangular

COMPLETE_S: Final = 40.0  # Kubegres 1.16 PrimaryToReplicaFailOver.go
TIMEOUT_S: Final = 300.0  # Kubegres 1.16: of one operation
COPY_BYTES_PER_S: Final[Distribution] = triangular(2e7, 5e7, 2e8)  # 339 MB in 10 s beside a spread checkpoint


def blocked_s(writes_s: FloatArray, data_bytes: float, bytes_per_s: FloatArray, checkpoint_s: float) -> FloatArray:
    """Return until when a second loss is not answered (s after the first), the new primary writing from `writes_s`.

    `checkpoint_s`: how long the copy waits for its checkpoint.
    """
    copied_s = checkpoint_s + data_bytes / bytes_per_s
    return np.maximum(writes_s, COMPLETE_S) + np.minimum(copied_s, TIMEOUT_S)
