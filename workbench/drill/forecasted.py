"""A forecast of moments in a run folder: sealed before, and what was observed set beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from workbench.drill.run_record import utc_text
from workbench.model.control_plane.results import Moment
from workbench.model.parameter import Parameter
from workbench.records.folder import RunFolder, dump_json, write_durably

COVERED: Final = (5.0, 95.0)


@dataclass(frozen=True)
class Compared:
    """One moment or amount: predicted and observed, in its unit."""

    name: str
    title: str
    unit: str
    median: float
    low: float  # of the 90 % interval
    high: float
    observed: float | None
    resolution: float = 0.0  # the finest difference that the observation can tell

    @property
    def inside(self) -> bool:
        """Tell whether the observation lies in the interval; what never came does not."""
        return self.observed is not None and self.low - self.resolution <= self.observed <= self.high + self.resolution


def seal(folder: RunFolder, seed: int, moments: Sequence[Moment], parameters: Mapping[str, Parameter]) -> str:
    """Write prediction.json, its parameters and its SHA-256 to the run folder; return that."""
    rows = {name: row.to_dict() for name, row in sorted(parameters.items())}
    write_durably(folder.parameters_json, dump_json(rows))
    data = dump_json({"seed": seed, "metrics": {moment.name: moment.values.tolist() for moment in moments}})
    sha256 = write_durably(folder.prediction_json, data)
    write_durably(folder.prediction_sha256, f"{sha256}  prediction.json\n".encode())
    return sha256


def sentence(moments: Iterable[Moment]) -> str:
    """Return moments as words: title, median and 90 % interval."""
    words = []
    for moment in moments:
        low, middle, high = (moment.percentile(percent) for percent in (COVERED[0], 50.0, COVERED[1]))
        words.append(f"{moment.title} after {middle:.1f} s ({low:.1f} to {high:.1f})")
    return ", ".join(words)


def compared(
    moments: Sequence[Moment], observed: Mapping[str, float | None], resolution_s: float = 0.0
) -> tuple[Compared, ...]:
    """Return a row a moment; `resolution_s` is the finest difference in time that the observation can tell."""
    rows = []
    for moment in moments:
        low, middle, high = (moment.percentile(percent) for percent in (COVERED[0], 50.0, COVERED[1]))
        resolution = resolution_s if moment.unit == "s" else 0.0
        seen = observed[moment.name]
        rows.append(Compared(moment.name, moment.title, moment.unit, middle, low, high, seen, resolution))
    return tuple(rows)


def write_comparison(
    folder: RunFolder, rows: Sequence[Compared], sha256: str, begun_s: float, sealed_s: float, about: Mapping[str, Any]
) -> None:
    """Write comparison.json: the rows, their seal, when the drill began and was sealed (epoch s), what it is about."""
    sealed = {"prediction_sha256": sha256, "begun": utc_text(begun_s), "sealed": utc_text(sealed_s)}
    moments = [{**asdict(row), "inside": row.inside} for row in rows]
    write_durably(folder.comparison_json, dump_json({**about, **sealed, "moments": moments}))
