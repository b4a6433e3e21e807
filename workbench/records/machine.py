"""How much of the machine's time its host took away during a run: what a virtual machine's neighbours cost a drill."""

from __future__ import annotations

from typing import Final

from workbench.records import timeline
from workbench.records.folder import RunFolder
from workbench.records.samples import read_samples

DISTURBED_PERCENT: Final = 5.0  # more than this, on average, and the run's numbers are the neighbours' as well
SAMPLES: Final = "machine.jsonl"  # of workbench.observe.machine, one a second


def stolen_percent(folder: RunFolder) -> float | None:
    """Return the mean share (%) of the machine's time taken from the baseline's start to the load's end.

    None where the run has no such stretch, or nobody looked.
    """
    entries = timeline.read(folder.timeline)
    baseline, stopped = timeline.first(entries, "baseline"), timeline.first(entries, "load-stopped")
    if baseline is None or stopped is None:
        return None
    samples = (sample for sample in read_samples(folder.observed / SAMPLES) if "steal_percent" in sample)
    inside = [float(each["steal_percent"]) for each in samples if baseline.data["start_s"] <= each["t"] <= stopped.t_s]
    return sum(inside) / len(inside) if inside else None
