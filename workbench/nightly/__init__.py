"""Many drills unattended: each a `workbench drill` of its own, its record kept as it comes."""

from workbench.nightly.collecting import Wanted, add_records, collect

__all__ = ["Wanted", "add_records", "collect"]
