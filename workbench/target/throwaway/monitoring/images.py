"""The images of Prometheus, Alertmanager and kube-state-metrics: one program each, built from Go modules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from workbench.target.throwaway.building import MONITORING, built_programs
from workbench.target.throwaway.image_set import written
from workbench.target.throwaway.images import Image

Progress = Callable[[str], None]
VERSIONS: Final = {"prometheus": "2.54.0", "alertmanager": "0.27.0", "kube-state-metrics": "2.13.0"}


def monitoring_archives(progress: Progress) -> tuple[Path, ...]:
    """Return the archives of the images, building and writing what is missing. Raises as `built_programs`."""
    programs = built_programs(progress, MONITORING)
    return tuple(
        written(Image(f"{name}:{version}", {f"bin/{name}": programs[name]}, [], entrypoint=[f"/bin/{name}"]), progress)
        for name, version in VERSIONS.items()
    )
