"""What was measured of one set-up, carried over to another: each draw's demands for other brokers, copies, encryption.

A broker's work is leading and following: L for its own partitions, F for each copy it keeps of others'
(`taken_over_share` is (L - F) / (L + 2 F)). Without pgcrypto a row costs Postgres what is left beside
pgp_sym_encrypt: 354 us a row of 256 bytes with its default S2K, measured on one backend over 5,000 rows, beside 20 to
80 us of an insert (25,000 transactions/s on two cores without a flush, their client included). Both are priors here,
since no set-up but pgcrypto's was measured.

Left out: faster or slower cores than the measured machine's, caches, what more clients cost Postgres beside its CPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workbench.model.parameter import Parameter, prior, triangular
from workbench.plan.basis import Basis
from workbench.plan.batch_rewriting import with_batch_time

PGP_SYM_ENCRYPT_S: Final = 354e-6
PRIORS: Final[Mapping[str, Parameter]] = {
    "plain_insert_s": prior(
        triangular(20e-6, 50e-6, 80e-6),
        "s",
        "PostgreSQL 14, 25,000 inserts/s of 256 bytes on two cores without a flush (measured, pgbench beside it)",
        "of Postgres' CPU, a row without its encryption",
    ),
    "application_encrypt_s": prior(
        triangular(2e-6, 5e-6, 2e-5),
        "s",
        "AES-256 of 256 bytes about 1 us in pgcrypto's encrypt() (measured), a call from Python several",
        "of the event processor's time, an event that it encrypts itself",
    ),
}


@dataclass(frozen=True)
class Measured:
    """The hub that the draws' demands are of."""

    brokers: int
    copies: float  # of an event, by the mix

    @classmethod
    def of(cls, basis: Basis) -> Measured:
        """Return that of a basis."""
        return cls(len(basis.topology.kafka.broker_ids), basis.copies_bytes / basis.record_bytes)


def carried(draws: Mapping[str, float], measured: Measured, basis: Basis) -> dict[str, float]:
    """Return the draws with the demands of the set-up that `basis` is of."""
    taken_over = draws["taken_over_share"]
    leading, following = (1.0 + 2.0 * taken_over) / 3.0, (1.0 - taken_over) / 3.0

    def a_broker(hub: Measured) -> float:
        return (leading + (hub.copies - 1.0) * following) / hub.brokers

    there = Measured.of(basis)
    found = {**draws, "victim_cores": draws["victim_cores"] * a_broker(there) / a_broker(measured)}
    encryption = basis.topology.processors.encryption
    return found if encryption == "pgcrypto" else _without_pgcrypto(found, encryption)


def _without_pgcrypto(draws: Mapping[str, float], encryption: str) -> dict[str, float]:
    """Return the draws with Postgres' part of the encryption gone, from its CPU and from a batch's time."""
    left = draws["plain_insert_s"] / (draws["plain_insert_s"] + PGP_SYM_ENCRYPT_S)
    more_s = draws["application_encrypt_s"] if encryption == "application" else 0.0
    return {
        **with_batch_time(draws, event_factor=left),
        "database_cores": left * draws["database_cores"],
        "batch_rest_event_s": draws["batch_rest_event_s"] + more_s,
    }
