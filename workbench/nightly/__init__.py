"""Many drills unattended: each a `workbench drill` of its own, its record kept as it comes."""

from workbench.nightly.collecting import Wanted, add_records, collect
from workbench.nightly.fitness import check_fitness, largest_hub
from workbench.nightly.importing import import_records
from workbench.nightly.night import End, Night, run_night
from workbench.nightly.outcome import night_of

__all__ = [
    "End",
    "Night",
    "Wanted",
    "add_records",
    "check_fitness",
    "collect",
    "import_records",
    "largest_hub",
    "night_of",
    "run_night",
]
