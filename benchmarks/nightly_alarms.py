"""How often `workbench nightly` cries wolf, and how soon it finds a slower recovery: on the noise of recorded drills.

    python benchmarks/nightly_alarms.py                 4,000 quiet nights, 200 planted slow-downs a case: 15 minutes
    python benchmarks/nightly_alarms.py --nights 400 --planted 40

A night's drills are drawn from the records in reports/reference, with replacement, each with its own prediction; to
an observed time is added what its probe cannot tell. They go through the judgement that a real night goes through.
In half of the quiet histories the manifests changed one to ten nights ago and nothing came of it. A longer ZooKeeper
session is planted as the records of `broker-loss-session-30s` in place of those of `broker-loss` (18 s), and as twice
their times. Bounds: any alarm in at most 1 % of quiet nights; of a fifth slower, found by the third night, at least
80 % where three drills of one scenario are a night.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.stats import binomtest

from workbench.compare.nights import Cause, judge_night
from workbench.nightly.outcome import imported
from workbench.records.night_drill import NightDrill, NightMetric
from workbench.records.reference import read_records, scored
from workbench.streams import stream

REFERENCE: Final = Path(__file__).resolve().parents[1] / "reports" / "reference"
RECORDS_MIN: Final = 4
COMPARE_NIGHTS: Final = 21
DRILLS: Final = 3  # of a scenario a night
SLOWER: Final = 1.2
FALSE_MAX: Final = 0.01
FOUND_MIN: Final = 0.8
RESOLUTION_S: Final = 0.25
NIGHT_S: Final = 86_400.0
CIRCUMSTANCES: Final[dict[str, Any]] = {
    "configuration": "",
    "question": "q",
    "manifests": "m",
    "commit": "",
    "cores": 2,
}
BASE, LONGER = "broker-loss", "broker-loss-session-30s"
CHANGED_NIGHTS: Final = 10


@dataclass(frozen=True)
class Kept:
    """Recorded drills by scenario, each with its primary metrics alone."""

    drills: dict[str, list[NightDrill]]

    def night(self, rng: np.random.Generator, number: int, scenarios: Sequence[str], drills: int) -> list[NightDrill]:
        """Return one night drawn from them."""
        found = []
        for scenario in scenarios:
            kept = self.drills[scenario]
            for repeat, place in enumerate(rng.integers(0, len(kept), drills), 1):
                drill = replace(kept[place], suite="s", night=f"{number:04d}", repeat=repeat, **CIRCUMSTANCES)
                rows = tuple(_jittered(row, rng) for row in drill.metrics)
                found.append(replace(drill, started_s=number * NIGHT_S + repeat, as_expected=True, metrics=rows))
        return found


def read_kept() -> Kept:
    """Return the records of every scenario that has enough of them."""
    kept: dict[str, list[NightDrill]] = {}
    for record in scored(read_records(REFERENCE)):
        drill = imported(record, 1)
        rows = tuple(row for row in drill.metrics if row.primary and row.observed is not None and row.quantiles)
        kept.setdefault(record.scenario, []).append(replace(drill, exit_code=0, metrics=rows))
    return Kept({name: drills for name, drills in kept.items() if len(drills) >= RECORDS_MIN})


def _jittered(row: NightMetric, rng: np.random.Generator) -> NightMetric:
    width = min(RESOLUTION_S, 0.1 * (row.observed or 0.0))
    return _observed(row, (row.observed or 0.0) + rng.uniform(-width / 2, width / 2))


def _observed(row: NightMetric, value: float) -> NightMetric:
    return replace(row, observed=value, inside_90=row.quantiles[5] <= value <= row.quantiles[95])


def _slower(drills: list[NightDrill], scenario: str, factor: float = SLOWER) -> list[NightDrill]:
    """Return a night on which one scenario takes longer than its prediction knows."""
    return [
        replace(drill, metrics=tuple(_observed(row, (row.observed or 0.0) * factor) for row in drill.metrics))
        if drill.scenario == scenario
        else drill
        for drill in drills
    ]


def _changed(drills: list[NightDrill], night: int) -> list[NightDrill]:
    """Return drills whose manifests are others from a night on."""
    return [replace(drill, manifests="n") if drill.started_s >= night * NIGHT_S else drill for drill in drills]


def longer_session_found(kept: Kept, trials: int, drills: int, earlier: int, factor: float) -> list[int]:
    """Return how often a longer session was found by the first to the last of CHANGED_NIGHTS nights.

    A factor of 0 takes LONGER's records. Without earlier nights all records of BASE come before, as imported ones do.
    """
    found = [0] * CHANGED_NIGHTS
    for trial in range(trials):
        rng = stream(15, "session", drills, earlier, trial)
        drawn = [drill for number in range(earlier) for drill in kept.night(rng, number, [BASE], drills)]
        if not earlier:
            drawn = [replace(drill, started_s=0.0, **CIRCUMSTANCES) for drill in kept.drills[BASE]]
        for number in range(CHANGED_NIGHTS):
            late = kept.night(rng, earlier + number + 1, [BASE if factor else LONGER], drills)
            late = _slower(late, BASE, factor) if factor else [replace(drill, scenario=BASE) for drill in late]
            drawn += [replace(drill, manifests="n") for drill in late]
            (judged,) = judge_night(drawn, "s", drawn[-1].night, COMPARE_NIGHTS).metrics
            if judged.cause is Cause.HUB:
                found[number:] = [count + 1 for count in found[number:]]
                break
    return found


def quiet_nights(kept: Kept, nights: int, drills: int) -> tuple[int, int]:
    """Return on how many quiet nights the hub, and the model, were blamed."""
    hub = model = 0
    scenarios = list(kept.drills)
    for trial in range(nights):
        rng = stream(11, "quiet", drills, trial)
        drawn = [drill for number in range(COMPARE_NIGHTS + 3) for drill in kept.night(rng, number, scenarios, drills)]
        if trial % 2:
            drawn = _changed(drawn, COMPARE_NIGHTS + 3 - int(rng.integers(1, CHANGED_NIGHTS + 1)))
        causes = [each.cause for each in judge_night(drawn, "s", drawn[-1].night, COMPARE_NIGHTS).metrics]
        hub += Cause.HUB in causes
        model += Cause.MODEL in causes and Cause.HUB not in causes
    return hub, model


def found_by(kept: Kept, trials: int, scenario: str, scenarios: Sequence[str], earlier: int) -> list[int]:
    """Return how many slow-downs were found by the first, second and third night."""
    found = [0, 0, 0]
    for trial in range(trials):
        rng = stream(12, "planted", scenario, len(scenarios), earlier, trial)
        drawn = [drill for number in range(earlier) for drill in kept.night(rng, number, scenarios, DRILLS)]
        for night in range(3):
            drawn += _slower(kept.night(rng, earlier + night, scenarios, DRILLS), scenario)
            judged = judge_night(drawn, "s", drawn[-1].night, COMPARE_NIGHTS)
            mine = [each for each in judged.metrics if each.scenario == scenario]
            if any(each.cause is Cause.HUB for each in mine):
                found[night:] = [count + 1 for count in found[night:]]
                break
    return found


def visible_found(kept: Kept, trials: int, scenario: str) -> tuple[int, float]:
    """Return how often a change just as large as the one that is said to show was found, and its median size."""
    found, sizes = 0, []
    for trial in range(trials):
        rng = stream(13, "visible", scenario, trial)
        drawn = [drill for number in range(COMPARE_NIGHTS) for drill in kept.night(rng, number, [scenario], DRILLS)]
        late = [drill for night in range(3) for drill in kept.night(rng, COMPARE_NIGHTS + night, [scenario], DRILLS)]
        visible = judge_night(drawn + late, "s", late[-1].night, COMPARE_NIGHTS).metrics[0].visible
        if visible is None:
            raise RuntimeError("nothing would show: too few drills")
        sizes.append(visible)
        planted = drawn + _slower(late, scenario, 1.0 + visible)
        found += judge_night(planted, "s", late[-1].night, COMPARE_NIGHTS).metrics[0].cause is Cause.HUB
    return found, float(np.median(sizes))


def model_found(kept: Kept, trials: int, scenario: str) -> list[int]:
    """Return how often predictions a fifth too low, the hub as before, were found by the first to third night."""
    found = [0, 0, 0]
    for trial in range(trials):
        rng = stream(14, "model", scenario, trial)
        drawn = [drill for number in range(COMPARE_NIGHTS) for drill in kept.night(rng, number, [scenario], DRILLS)]
        for night in range(3):
            late = kept.night(rng, COMPARE_NIGHTS + night, [scenario], DRILLS)
            drawn += [replace(drill, metrics=tuple(map(_too_low, drill.metrics))) for drill in late]
            judged = judge_night(drawn, "s", late[-1].night, COMPARE_NIGHTS)
            if judged.metrics[0].cause is Cause.MODEL:
                found[night:] = [count + 1 for count in found[night:]]
                break
    return found


def _too_low(row: NightMetric) -> NightMetric:
    quantiles = {percent: value / SLOWER for percent, value in row.quantiles.items()}
    return _observed(replace(row, quantiles=quantiles), row.observed or 0.0)


def main() -> int:
    """Measure both and print them; 1 when a bound is not kept."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--nights", type=int, default=4000)
    parser.add_argument("--planted", type=int, default=200)
    arguments = parser.parse_args()
    kept = read_kept()
    print(f"records: {', '.join(f'{name} {len(drills)}' for name, drills in kept.drills.items())}", flush=True)
    kept_bounds = True
    for drills in (1, DRILLS):
        hub, model = quiet_nights(kept, arguments.nights // 2, drills)
        share = binomtest(hub + model, arguments.nights // 2)
        ends = share.proportion_ci(0.90, method="exact")
        print(
            f"quiet nights, {drills} drills a scenario: {hub} + {model} alarms (hub + model) in {arguments.nights // 2}"
            f" = {share.statistic:.2%} (90 %: {ends.low:.2%} to {ends.high:.2%})",
            flush=True,
        )
        kept_bounds &= share.statistic <= FALSE_MAX
    for scenario in ("broker-loss", "broker-loss-session-6s", "broker-loss-session-30s"):
        for scenarios, earlier in (([scenario], COMPARE_NIGHTS), ([scenario], 7), (list(kept.drills), COMPARE_NIGHTS)):
            found = found_by(kept, arguments.planted, scenario, scenarios, earlier)
            shares = ", ".join(f"{count / arguments.planted:.0%}" for count in found)
            print(
                f"{scenario} a fifth slower, {len(scenarios)} scenarios a night, {earlier} nights before: "
                f"found by night 1, 2, 3: {shares}",
                flush=True,
            )
            if len(scenarios) == 1 and earlier == COMPARE_NIGHTS:
                kept_bounds &= found[2] >= FOUND_MIN * arguments.planted
        count, visible = visible_found(kept, arguments.planted, scenario)
        by_night = ", ".join(
            f"{each / arguments.planted:.0%}" for each in model_found(kept, arguments.planted, scenario)
        )
        print(f"{scenario}: {visible:+.0%} is said to show after three nights, found {count / arguments.planted:.0%}")
        print(f"{scenario}, predicted a fifth too low: found by night 1, 2, 3: {by_night}", flush=True)
    for factor, words in ((0.0, "as recorded at 30 s"), (2.0, "twice as long")):
        for drills, earlier in ((1, 0), (2, 0), (3, 0), (1, COMPARE_NIGHTS), (2, COMPARE_NIGHTS)):
            found = longer_session_found(kept, arguments.planted, drills, earlier, factor)
            shares = ", ".join(f"{count / arguments.planted:.0%}" for count in found)
            print(
                f"{BASE} {words} since the manifests changed, {drills} a night, {earlier or 'no'} nights before: "
                f"found by night 1 to {CHANGED_NIGHTS}: {shares}",
                flush=True,
            )
    return 0 if kept_bounds else 1


if __name__ == "__main__":
    sys.exit(main())
