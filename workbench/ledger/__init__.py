"""The ledger: every write's fate, from the producers' logs, two reads of Kafka, Postgres and Redis."""

from workbench.ledger.before import FRESH, Before, look_before
from workbench.ledger.check import check
from workbench.ledger.postgres_rows import read_commits, recovery_reads
from workbench.ledger.summary import LedgerSummary, Tally
from workbench.ledger.table import write_table

__all__ = [
    "FRESH",
    "Before",
    "LedgerSummary",
    "Tally",
    "check",
    "look_before",
    "read_commits",
    "recovery_reads",
    "write_table",
]
