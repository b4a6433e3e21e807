"""The search: what is tried, in fixed batches, and which of the set-ups that keep every objective is recommended.

Optuna's NSGA-II (Deb et al. 2002) chooses, what keeps its constraints first. Each batch is asked for as a whole and
told in the order of its asking, by a sampler of the batch's own seed, so the answer depends neither on the number of
workers nor on a search having been killed between. Of the cheapest set-ups the one with the shortest outage is taken;
then every cheaper combination of workers under it is tried, and what it changes without need is undone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import prod
from typing import Any, Final

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.samplers import NSGAIISampler

from workbench.errors import BadInput, Problem
from workbench.plan.search.assessing import NEVER_S, P99_S_MAX, cost
from workbench.plan.search.choosing import Assessment, binding, excess, kept_all, nearest_miss, pareto_front
from workbench.plan.search.context import Context
from workbench.plan.search.keeping import Kept
from workbench.plan.search.patches import by_hand
from workbench.plan.search.set_up import NAMES, SetUp
from workbench.plan.search.tasks import Crew, Progress
from workbench.plan.search_form import SET_UPS_MAX, SearchForm, choices_of
from workbench.streams import stream

BATCH: Final = 24  # set-ups asked for together, and NSGA-II's population
ASKS_MAX: Final = 10 * BATCH  # for one batch: what was assessed before is asked for again now and then
BATCHES_MAX: Final = SET_UPS_MAX  # each brings a new set-up, or is the last
MACHINES: Final = ("workers", "worker_cpu_cores", "worker_memory_gb", "worker_disk_gb")
WHOLE: Final = ("workers", "brokers", "partitions", "replication_factor", "processors", "gateway_pool")


class _Desk:
    """Looks assessments up, has the missing ones made, and counts."""

    def __init__(self, context: Context, crew: Crew, kept: Kept, progress: Progress, set_ups: int) -> None:
        self._context, self._crew, self._kept, self._progress = context, crew, kept, progress
        self._set_ups = set_ups
        self._done = self._computed = 0
        self.seen: dict[SetUp, Assessment] = {}
        self.told: set[SetUp] = set()  # to the study

    def assess(self, set_ups: Sequence[SetUp]) -> list[Assessment]:
        """Return the assessments in the same order."""
        missing = []
        for each in dict.fromkeys(set_ups):
            found = self.seen.get(each) or self._kept.get(each)
            if found is None:
                missing.append(each)
            else:
                self.seen[each] = found
        self._done += len(set_ups) - len(missing)
        self._set_ups = max(self._set_ups, self._done + len(missing))  # undoing comes on top of what was asked for
        self._progress.found(self._done, self._set_ups, self._computed)
        self._crew.assess(self._context, missing, self._take)
        return [self.seen[each] for each in set_ups]

    def _take(self, set_up: SetUp, found: Assessment) -> None:
        self._kept.put(set_up, found)
        self.seen[set_up] = found
        self._done += 1
        self._computed += 1
        self._progress.found(self._done, self._set_ups, self._computed)


def search(context: Context, crew: Crew, kept: Kept, progress: Progress) -> dict[str, Any]:
    """Return what a search finds, as JSON values; a function of the context alone.

    Raises BadInput for a question without a search, or with ranges that no set-up is in.
    """
    form = context.question.search
    if form is None:
        raise BadInput("the question has no section `search`")
    choices = _choices(context, form)
    desk = _Desk(context, crew, kept, progress, form.set_ups)
    progress.begins(len(kept))
    present = desk.assess([context.present])[0]
    study = _studied(context, form, choices, desk)
    tried = [desk.seen[each] for each in dict.fromkeys(_set_up(choices, trial.params) for trial in study.trials)]
    on_front = dict.fromkeys(_set_up(choices, trial.params) for trial in study.best_trials)
    front = pareto_front(each for each in map(desk.seen.__getitem__, on_front) if kept_all(each))
    recommended = None
    if front:
        best = _cheaper_machines(front[0], form, choices, desk)
        front = pareto_front([best, *front])
        recommended = _needed_only(context, best, desk)
    closest = None if front else nearest_miss(tried)
    return {
        "rate_per_s": round(context.rate_per_s, 1),
        "for_days": form.for_days,
        "sure": form.sure,
        "prices": form.cost.model_dump(),
        "choices": choices,
        "set_ups": form.set_ups,
        "combinations": prod(map(len, choices.values())),
        "tried": len(tried),
        "cannot_be": sum(bool(each["impossible"]) for each in tried),
        "keep_all": sum(kept_all(each) for each in tried),
        "present": present,
        "front": front,
        "recommended": recommended,
        "closest": closest,
        "binding": binding(tried) if closest else [],
        **_change(context, recommended or closest),
    }


def _choices(context: Context, form: SearchForm) -> dict[str, list[Any]]:
    """Return the choices of every name, the present one where none is given. Raises BadInput for ranges without any."""
    given = choices_of(form)
    present = context.present.to_dict()
    choices = {name: [_typed(name, each) for each in given.get(name, [present[name]])] for name in NAMES}
    problems = []
    if too_few := [each for each in choices["partitions"] if each < present["partitions"]]:
        bound = f"at least {present['partitions']}: Kafka never takes partitions away"
        problems.append(Problem("question", "search.partitions", f"{too_few}", bound))
    for less, more in (("replication_factor", "brokers"), ("brokers", "workers")):
        if min(choices[less]) > max(choices[more]):
            bound = f"at most {max(choices[more])}, the most {more}: no set-up has both"
            problems.append(Problem("question", f"search.{less}", f"{choices[less]}", bound))
    if problems:
        raise BadInput("the search contradicts itself", problems)
    return choices


def _typed(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return value
    return int(value) if name in WHOLE else float(value)


def _studied(context: Context, form: SearchForm, choices: Mapping[str, list[Any]], desk: _Desk) -> optuna.Study:
    """Return the study with every batch told."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(directions=["minimize"] * 3)
    open_names = [name for name in NAMES if len(choices[name]) > 1]
    distributions = {name: CategoricalDistribution(choices[name]) for name in open_names}
    for first in _first(context, choices):
        study.enqueue_trial({name: first[name] for name in open_names})
    for batch in range(BATCHES_MAX):
        before = len(desk.told)
        wanted = min(BATCH, min(form.set_ups, prod(map(len, choices.values()))) - before)
        if wanted <= 0:
            break
        seed = int(stream(context.seed, "plan", "search", batch).integers(2**31))
        study.sampler = NSGAIISampler(population_size=BATCH, seed=seed)
        _tell_batch(study, distributions, choices, desk, wanted)
        if len(desk.told) == before:  # what is left it does not come upon
            break
    return study


def _tell_batch(
    study: optuna.Study,
    distributions: Mapping[str, CategoricalDistribution],
    choices: Mapping[str, list[Any]],
    desk: _Desk,
    wanted: int,
) -> None:
    """Ask until so many set-ups are new, at most ASKS_MAX times; what was told before is told again at once."""
    new: dict[SetUp, list[optuna.Trial]] = {}
    for _ in range(ASKS_MAX):
        trial = study.ask(dict(distributions))
        set_up = _set_up(choices, trial.params)
        if set_up in desk.told:
            _tell(study, trial, desk.seen[set_up])
        else:
            new.setdefault(set_up, []).append(trial)
        if len(new) == wanted:
            break
    for set_up, found in zip(new, desk.assess(list(new)), strict=True):
        desk.told.add(set_up)
        for trial in new[set_up]:
            _tell(study, trial, found)


def _tell(study: optuna.Study, trial: optuna.Trial, found: Assessment) -> None:
    trial.set_constraint("cannot be", float(len(found["impossible"])))
    trial.set_constraint("objectives", excess(found))
    study.tell(trial, _values(found))


def _first(context: Context, choices: Mapping[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """Yield where the first batch begins: as near to the present set-up as the choices are, and the most of all."""
    present = context.present.to_dict()
    yield {name: min(values, key=lambda each: _distance(each, present[name])) for name, values in choices.items()}
    yield {name: values[0] if isinstance(values[0], str) else max(values) for name, values in choices.items()}


def _distance(value: Any, present: Any) -> float:
    if isinstance(value, str):
        return float(value != present)
    return abs(float(value) - float(present))


def _set_up(choices: Mapping[str, list[Any]], chosen: Mapping[str, Any]) -> SetUp:
    return SetUp(**{name: chosen.get(name, values[0]) for name, values in choices.items()})


def _values(found: Assessment) -> tuple[float, float, float]:
    outage_s, p99_s = found["outage_s"], found["p99_s"]
    return found["cost"], NEVER_S if outage_s is None else outage_s, P99_S_MAX if p99_s is None else p99_s


def _cheaper_machines(best: Assessment, form: SearchForm, choices: Mapping[str, list[Any]], desk: _Desk) -> Assessment:
    """Return the best set-up on the cheapest workers that carry it: every cheaper combination, the cheapest first."""
    taken = SetUp(**best["set_up"])
    rows = []
    for row in product(*(choices[name] for name in MACHINES)):
        each = replace(taken, **dict(zip(MACHINES, row, strict=True)))
        each = replace(each, brokers=min(each.brokers, each.workers))
        if each.brokers in choices["brokers"] and round(cost(form.cost, each), 3) < best["cost"]:
            rows.append(each)
    rows.sort(key=lambda each: (round(cost(form.cost, each), 3), repr(each)))
    for begin in range(0, len(rows), BATCH):
        kept = [found for found in desk.assess(rows[begin : begin + BATCH]) if kept_all(found)]
        if kept:
            return kept[0]
    return best


def _needed_only(context: Context, best: Assessment, desk: _Desk) -> Assessment:
    """Return the set-up without the changes that are not needed: as cheap, every objective still kept."""

    def as_good(found: Assessment) -> bool:
        return kept_all(found) and found["cost"] <= best["cost"]

    def with_present(set_up: SetUp, names: Sequence[str]) -> SetUp:
        return replace(set_up, **{name: getattr(context.present, name) for name in names})

    taken = SetUp(**best["set_up"])
    changed = taken.changes_from(context.present)
    alone = desk.assess([with_present(taken, [name]) for name in changed])
    spare = [name for name, found in zip(changed, alone, strict=True) if as_good(found)]
    while spare:
        found = desk.assess([with_present(taken, spare)])[0]
        if as_good(found):
            return found
        spare.pop()
    return best


def _change(context: Context, found: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what changes from the present set-up, and what of it applying the manifests does not do."""
    if found is None:
        return {"changes": {}, "by_hand": []}
    wanted = SetUp(**found["set_up"])
    changes = {
        name: [getattr(context.present, name), getattr(wanted, name)] for name in wanted.changes_from(context.present)
    }
    return {"changes": changes, "by_hand": by_hand(context.present, wanted)}
