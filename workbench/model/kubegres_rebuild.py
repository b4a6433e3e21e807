"""After a fail-over: for how long the loss of the new primary finds nobody to take over.

Kubegres 1.16 counts a fail-over as complete no earlier than 40 s after its beginning, then makes a new instance, and
does no other fail-over until that one is ready or the operation has timed out (300 s). The new instance copies the
primary with pg_basebackup, which first waits for a checkpoint: spread over checkpoint_timeout times
checkpoint_completion_target unless it is asked for a fast one (PostgreSQL 14 pg_basebackup --checkpoint).

Left out: a copy that is slower than the time-out and begins anew, a primary whose own restart in place comes first.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from workbench.model.parameter import Distribution, FloatArray, triangular

COMPLETE_S: Final = 40.0  # Kubegres 1.16 PrimaryToReplicaFailOver.go
TIMEOUT_S: Final = 300.0  # Kubegres 1.16: of one operation
CHECKPOINT_TIMEOUT_S: Final = 300.0  # PostgreSQL 14 postgresql.conf
COMPLETION_TARGET: Final = 0.9  # PostgreSQL 14
FAST_CHECKPOINT_S: Final = 2.0  # as fast as the disk takes it
COPY_BYTES_PER_S: Final[Distribution] = triangular(2e7, 5e7, 2e8)  # 339 MB in 10 s beside a spread checkpoint


def blocked_s(writes_s: FloatArray, data_bytes: float, bytes_per_s: FloatArray, *, fast: bool) -> FloatArray:
    """Return until when a second loss is not answered (s after the first), the new primary writing from `writes_s`."""
    checkpoint_s = FAST_CHECKPOINT_S if fast else CHECKPOINT_TIMEOUT_S * COMPLETION_TARGET
    copied_s = checkpoint_s + data_bytes / bytes_per_s
    return np.maximum(writes_s, COMPLETE_S) + np.minimum(copied_s, TIMEOUT_S)
