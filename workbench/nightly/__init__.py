"""Many drills unattended: each a `workbench drill` of its own, its record kept as it comes."""

from workbench.nightly.collecting import Wanted, add_records, collect
from workbench.nightly.ground import ground_of
from workbench.nightly.importing import import_records
from workbench.nightly.night import End, Night, run_night
from workbench.nightly.outcome import night_of, night_to_do

__all__ = [
    "End",
    "Night",
    "Wanted",
    "add_records",
    "collect",
    "ground_of",
    "import_records",
    "night_of",
    "night_to_do",
    "run_night",
]
