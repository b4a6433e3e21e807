"""The `search` section of a question: what may be changed, how many set-ups are tried, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import Field

from workbench.errors import Problem
from workbench.scenario.form import StrictForm
from workbench.scenario.wording import nearest
from workbench.topology.documents import Node
from workbench.topology.processors import Encryption

SET_UPS_MAX: Final = 5000
_CHOICES: Final = Field(min_length=1, max_length=20)
Counts = Annotated[list[Annotated[int, Field(ge=1, le=1000, description="a whole number from 1 to 1000")]], _CHOICES]
Cores = Annotated[list[Annotated[float, Field(gt=0, le=1024, description="cores, above 0, at most 1024")]], _CHOICES]
Gigabytes = Annotated[
    list[Annotated[float, Field(gt=0, le=1e6, description="gigabytes of 10^9 bytes, above 0, at most 1000000")]],
    _CHOICES,
]
Mebibytes = Annotated[list[Annotated[int, Field(ge=16, le=10**6, description="whole MiB, 16 to 1000000")]], _CHOICES]
Seconds = Annotated[list[Annotated[float, Field(ge=0, le=3600, description="seconds, from 0 to 3600")]], _CHOICES]
Sessions = Annotated[list[Annotated[float, Field(ge=4, le=1800, description="seconds, from 4 to 1800")]], _CHOICES]
Places = Annotated[
    list[Annotated[Encryption, Field(description="pgcrypto, application or disk")]], Field(min_length=1, max_length=3)
]


def _list(what: str) -> Any:
    return Field(default=None, description=f"a list of {what}; left out, it stays as the manifests state it")


class CostForm(StrictForm):
    """What a set-up costs: its workers by their size. All else costs the same in every set-up.

    The defaults are a convention, no price list: in units of one CPU, 8 GB of memory and 200 GB of disk cost as much.
    """

    unit: str = Field(default="CPUs' worth", min_length=1, max_length=40, description="what is counted: EUR a month")
    per_worker: float = Field(default=0.0, ge=0, description="of any worker, whatever its size; from 0")
    per_cpu: float = Field(default=1.0, ge=0, description="of one CPU of a worker; from 0")
    per_memory_gb: float = Field(default=0.125, ge=0, description="of 10^9 bytes of memory; from 0")
    per_disk_gb: float = Field(default=0.005, ge=0, description="of 10^9 bytes of disk; from 0")


class SearchForm(StrictForm):
    """What may be changed, each a list of choices named as in SetUp, and how hard to look."""

    set_ups: int = Field(default=240, ge=1, le=SET_UPS_MAX, description=f"how many are tried, 1 to {SET_UPS_MAX}")
    for_days: float = Field(default=365.0, ge=0, le=3660, description="days of growth to carry, from 0 to 3660")
    sure: float = Field(default=0.9, ge=0.5, le=0.99, description="share of the draws that keep it, 0.5 to 0.99")
    cost: CostForm = Field(default=CostForm(), description="unit, per_worker, per_cpu, per_memory_gb, per_disk_gb")
    workers: Counts | None = _list("whole numbers")
    worker_cpu_cores: Cores | None = _list("cores")
    worker_memory_gb: Gigabytes | None = _list("gigabytes")
    worker_disk_gb: Gigabytes | None = _list("gigabytes")
    brokers: Counts | None = _list("whole numbers")
    partitions: Counts | None = _list("whole numbers, of each topic")
    replication_factor: Counts | None = _list("whole numbers, of each topic")
    processors: Counts | None = _list("whole numbers")
    processor_toleration_s: Seconds | None = _list("seconds on an unreachable node")
    group_session_s: Sessions | None = _list("seconds")
    zookeeper_session_s: Sessions | None = _list("seconds")
    postgres_cpu_cores: Cores | None = _list("cores")
    gateway_pool: Counts | None = _list("connections of each gateway")
    encryption: Places | None = _list("pgcrypto, application, disk")
    redis_memory_mib: Mebibytes | None = _list("whole MiB")


NOT_CHOICES: Final = ("set_ups", "for_days", "sure", "cost")


def choices_of(form: SearchForm) -> dict[str, list[Any]]:
    """Return what may be chosen, by name, in the order of SetUp; what was left out is not in it."""
    return {name: value for name, value in form if name not in NOT_CHOICES and value is not None}


def contradictions(form: SearchForm, document: Node) -> Iterator[Problem]:
    """Yield what contradicts itself, each with its place: a choice twice, more copies than brokers, none at all."""
    choices = choices_of(form)
    if not choices:
        yield _problem(document, "", "without a choice", "at least one list, such as workers: [3, 4]")
    for name, values in choices.items():
        if len(set(values)) != len(values):
            yield _problem(document, name, f"{values}", "each choice once")
    pairs = (("replication_factor", "brokers"), ("brokers", "workers"))
    for less, more in pairs:
        if less in choices and more in choices and min(choices[less]) > max(choices[more]):
            bound = f"at most {max(choices[more])}, the most {more}: no set-up has both"
            yield _problem(document, less, f"{choices[less]}", bound)
    if form.cost.per_worker == form.cost.per_cpu == form.cost.per_memory_gb == form.cost.per_disk_gb == 0.0:
        yield _problem(document, "cost", "0 for everything", "a price above 0: else all set-ups are equally cheap")


def _problem(document: Node, key: str, value: str, bound: str) -> Problem:
    place = nearest(document, ("search", key) if key else ("search",)).place
    return Problem(place.file, f"search.{key}" if key else "search", value, bound, place.line)
