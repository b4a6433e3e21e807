"""What tests on a cluster of their own share."""

from __future__ import annotations

from typing import Final

BUILD_S: Final = 2400  # Kubernetes is built where no start was before
