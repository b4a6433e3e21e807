"""A capacity plan's page: one HTML file from the answer's JSON, and the answer in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from workbench.metrics.numbers import count, percent, seconds
from workbench.report.blocks import Badge, Column, Page, Section, Table, cells
from workbench.report.figures.planning import Bar, Point, draw_bars, draw_curve
from workbench.report.pages import to_html
from workbench.report.plan_search import NEVER as NO_END
from workbench.report.plan_search import search_section, search_sentence, value_words

MOVERS_MAX: Final = 8
NEVER: Final = "never"
NO_BREAK_HYPHEN: Final = "\N{NON-BREAKING HYPHEN}"
_LOOKS: Final = {"kept": "pass", "missed": "fail", "open": "open"}
type Answer = Mapping[str, Any]


def plan_html(answer: Answer) -> str:
    """Return the page; the same answer gives the same bytes."""
    return to_html(page_of(answer))


def sentence(answer: Answer) -> str:
    """Return the answer in one sentence: with a search, what it found."""
    return search_sentence(answer["search"]) if answer["search"] else as_it_stands(answer)


def as_it_stands(answer: Answer) -> str:
    """Return what the set-up that is there carries, in one sentence."""
    asked = answer["question"]
    whole = answer["states"][0]
    lost = next(state for state in answer["states"] if state["name"] == asked["objectives"]["survives"])
    first = whole["stations"][0]
    if first["utilization"] is None or first["utilization"] >= 1.0:
        return _saturated(answer, first)
    disk = next((each for each in answer["disks"] if each["kind"] == "node"), None)
    full = "" if disk is None or disk["days_until_full"] is None else f"; {disk['name']}'s disk is full {_in(disk)}"
    with_loss = "" if lost is whole else f", {_events(lost['sustainable_per_s']['median'])} with {lost['name']}"
    return (
        f"The hub carries {_events(whole['sustainable_per_s']['median'])}{with_loss}; at "
        f"{_events(asked['rate_per_s'])} today the headroom is eaten "
        f"{_when(lost['eaten_on']['median'], asked['on'])}, {first['name']} first{full}."
    )


def _saturated(answer: Answer, first: Answer) -> str:
    rate, middle = answer["question"]["rate_per_s"], first["saturation_per_s"]["median"]
    return (
        f"The hub is saturated already: {first['name']} can do {_events(middle)} and {_events(rate)} come, "
        f"{_events(rate - middle)} too many."
    )


def page_of(answer: Answer) -> Page:
    """Return the page of an answer."""
    asked = answer["question"]
    looks = [_LOOKS[each["verdict"]] for each in answer["verdicts"]]
    return Page(
        title=asked["title"],
        lines=[
            f"{asked['rate_per_s']:g} events/s on {asked['on']}, {percent(asked['growth_per_year'])} more a year, "
            f"load of `{asked['scenario']}`, seed {answer['seed']}",
            f"parameters: {answer['source']}",
        ],
        headline=sentence(answer),
        supports=as_it_stands(answer) if answer["search"] else "",
        mood=_mood(answer, looks),
        alarm="",
        badges=[_badge(each) for each in answer["verdicts"]],
        warnings=[],
        numbers=[],
        sections=[
            Section("verdicts", "In short", "Does the hub keep its objectives, and until when?"),
            _rates(answer),
            _curve(answer),
            _cliff(answer),
            *([_outages(answer)] if answer["outages"] else []),
            *([search_section(answer["search"])] if answer["search"] else []),
            _disks(answer),
            _rooms(answer),
            _what_ifs(answer),
            _movers(answer),
            _trust(answer),
        ],
        over="Hub workbench: a capacity plan",
    )


def _mood(answer: Answer, looks: Sequence[str]) -> str:
    """Return how the page looks: with a search, whether it found a set-up that keeps every objective."""
    if answer["search"]:
        return "fail" if answer["search"]["recommended"] is None else "pass"
    return "fail" if "fail" in looks else "open" if "open" in looks else "pass"


def _badge(row: Answer) -> Badge:
    value = row["value"]
    nothing = NO_END if row["unit"] == "s" else "no bound was found"
    found = nothing if value is None else value_words(value, row["unit"])
    word = {"kept": "KEPT", "missed": "MISSED", "open": "OPEN"}[row["verdict"]]
    return Badge("As it stands", word, f"{row['objective']}: {found}.", _LOOKS[row["verdict"]])


def _rates(answer: Answer) -> Section:
    columns = [
        Column("state"),
        Column("station"),
        Column("saturates at, events/s", True),
        Column("90 % of the draws", True),
        Column("busy today", True),
    ]
    rows = [
        cells(
            state["name"],
            station["name"],
            count(station["saturation_per_s"]["median"]),
            _ends(station["saturation_per_s"]["interval_90"]),
            "-" if station["utilization"] is None else percent(station["utilization"]),
        )
        for state in answer["states"]
        for station in state["stations"]
    ]
    sentences = [
        "A station saturates at its capacity over its demand an event (operational laws, Denning and Buzen 1978); the "
        "first line of each state saturates first."
    ]
    table = Table("What saturates first, second, third", columns, rows)
    return Section(
        "stations", "What saturates", "Which part is the first to be busy all the time?", sentences, (), [table]
    )


def _curve(answer: Answer) -> Section:
    asked = answer["question"]
    points = [
        Point(each["rate_per_s"], each["p99_s"]["median"], *each["p99_s"]["interval_90"]) for each in answer["curve"]
    ]
    figure = draw_curve(points, asked["objectives"]["p99_s"], asked["rate_per_s"])
    kept = [
        f"at {each['share']:g} of the found rate the processors kept up in {percent(each['kept_up'])} of the draws"
        for each in answer["curve"]
        if each["confirms"]
    ]
    return Section("curve", "Saturation", "How long do events take as the rate grows?", [_list(kept)], [figure])


def _cliff(answer: Answer) -> Section:
    bars, rows, sentences = [], [], []
    for state in answer["states"]:
        which, _, stopped = state["note"].partition(": ")
        sentences += [f"With {state['name']} ({which}): {stopped}"] if stopped else []
        found = state["sustainable_per_s"]
        low, high = found["interval_90"]
        bars.append(Bar(state["name"], low, found["median"], high))
        on = state["eaten_on"]
        rows.append(
            cells(
                state["name"],
                count(found["median"]),
                _ends(found["interval_90"]),
                f"{state['headroom']:.1f} x",
                _day(on["median"]),
                _day(on["low"]),
                which,
            )
        )
    caption = "What each state sustains within the objectives, median and 90 % of the draws. Dots: the rate today."
    columns = [
        Column("state"),
        Column("sustains, events/s", True),
        Column("90 % of the draws", True),
        Column("of today's rate", True),
        Column("eaten on"),
        Column("at the low end"),
        Column("which"),
    ]
    figure = draw_bars("states", "With a part gone", caption, bars, answer["question"]["rate_per_s"])
    table = Table("Sustainable rate and the day growth has eaten it", columns, rows)
    return Section(
        "cliff", "With a part gone", "What is left when a third of it is gone?", sentences, [figure], [table]
    )


def _outages(answer: Answer) -> Section:
    columns = [
        Column("after"),
        Column("no acknowledgement", True),
        Column("no committed row", True),
        Column("records lost", True),
        Column("rows lost", True),
        Column("processors elsewhere", True),
    ]
    rows = [
        cells(
            each["after"],
            _felt(each["ack_s"], "s"),
            _felt(each["row_s"], "s"),
            _felt(each["records_lost"], ""),
            _felt(each["rows_lost"], ""),
            NO_END if each["processors_replaced_s"] is None else seconds(each["processors_replaced_s"]),
        )
        for each in answer["outages"]
    ]
    sentences = [f"With {each['after']}: {' '.join(each['stops'])}" for each in answer["outages"] if each["stops"]]
    table = Table("Longest of the worst partition: median, and 90 % of the replications", columns, rows)
    question = "How long is a loss felt, and what is gone with it?"
    return Section("outages", "After a loss", question, sentences, (), [table])


def _felt(spread: Answer, unit: str) -> str:
    if spread["median"] is None:
        return NO_END if unit else "not excluded"
    low, high = spread["interval_90"]
    words = seconds if unit else count
    ends = f"{words(low)} to {NO_END if high is None else words(high)}"
    return f"{words(spread['median'])} ({ends})"


def _disks(answer: Answer) -> Section:
    columns = [
        Column("disk"),
        Column("size", True),
        Column("bytes an event", True),
        Column("full after"),
        Column("holds"),
    ]
    rows = [
        cells(
            f"{disk['kind']} {disk['name']}",
            f"{disk['size_bytes'] / 1e9:,.0f} GB",
            count(disk["bytes_per_event"]),
            NEVER if disk["days_until_full"] is None else f"{disk['days_until_full']:,.1f} days",
            ", ".join(disk["holds"]),
        )
        for disk in answer["disks"]
    ]
    days = answer["kafka_days_that_fit"]
    sentences = [
        "Counted from empty disks to 90 % full. A volume of class local-path is a folder without a limit of its own: "
        "past its stated size it takes the room of the others on its node.",
        f"Kafka's volume holds {days:,.1f} days of records at today's rate.",
        _retention(answer["retention"]),
    ]
    return Section("disks", "Disks", "When is the first disk full?", sentences, (), [Table("Disks", columns, rows)])


def _retention(found: Answer) -> str:
    stated = found["stated_bytes"]
    now = "no bound by size" if stated is None else f"{stated / 1e9:.1f} GB"
    return (
        f"Stated are {found['stated_hours']:g} hours and {now} a partition; up to "
        f"{found['bytes_per_partition'] / 1e9:.1f} GB a partition fit the volume, which is {found['hours_today']:,.0f} "
        f"hours of the busiest partition today and {found['hours_in_a_year']:,.0f} a year on."
    )


def _rooms(answer: Answer) -> Section:
    columns = [
        Column("more pods like"),
        Column("node lost"),
        Column("fit", True),
        Column("pending"),
        Column("the next one"),
    ]
    rows = [
        cells(
            room["like"],
            room["lost_node"] or "none",
            f"{room['more']}",
            ", ".join(room["pending"]) or "none",
            room["why_not_another"],
        )
        for room in answer["rooms"]
    ]
    table = Table("More pods, each shape for itself", columns, rows)
    return Section("room", "Room", "How many more pods fit, and why not another?", (), (), [table])


def _what_ifs(answer: Answer) -> Section:
    columns = [Column("question"), Column("choice"), Column("takes", True), Column("90 %", True), Column("outcome")]
    rows = [
        cells(
            each["question"],
            each["choice"],
            NEVER if each["median_s"] is None else seconds(each["median_s"]),
            "-" if each["interval_90_s"] is None else " to ".join(seconds(end) for end in each["interval_90_s"]),
            each["outcome"],
        )
        for each in answer["what_ifs"]
    ]
    table = Table("Each question's choices side by side; a node's loss counts from its silence", columns, rows)
    return Section("what-ifs", "What if", "What would another choice change?", (), (), [table])


def _movers(answer: Answer) -> Section:
    rows = answer["sensitivity"][:MOVERS_MAX]
    bars = [
        Bar(row["parameter"], min(row["at_5"], row["at_95"]), row["at_5"], max(row["at_5"], row["at_95"]))
        for row in rows
    ]
    caption = (
        "The whole hub's saturation from a parameter's 5 to its 95 % point, the others at their medians; the mark is "
        "the 5 % end. Dots: the rate today."
    )
    figures = [draw_bars("tornado", "What moves it", caption, bars, answer["question"]["rate_per_s"])] if bars else []
    return Section("movers", "What moves it", "Which number should be measured better?", (), figures)


def _trust(answer: Answer) -> Section:
    columns = [Column("parameter"), Column("5 to 95 %", True), Column("unit"), Column("source"), Column("origin")]
    rows = [
        cells(each["name"], each["value"], each["unit"] or "-", each["source"], each["origin"])
        for each in answer["assumptions"]
    ]
    prior = sum(each["source"] == "prior" for each in answer["assumptions"])
    sentences = [
        f"{prior} of the {len(rows)} parameters below are published priors; a run of this hub narrows them "
        "(`workbench plan --from RUN`). No plan has been compared with a real saturation yet.",
        f"Left out: {_list(answer['left_out'])}",
    ]
    table = Table("Assumptions", columns, rows)
    return Section("trust", "How sure", "What does the answer stand on?", sentences, (), [table])


def _list(parts: Sequence[str]) -> str:
    return "; ".join(parts) + "."


def _events(rate_per_s: float) -> str:
    return f"{count(rate_per_s)} events/s"


def _ends(interval: Sequence[float]) -> str:
    return f"{count(interval[0])} to {count(interval[1])}"


def _day(day: str | None) -> str:
    """Return a day that is not broken across lines."""
    return NEVER if day is None else day.replace("-", NO_BREAK_HYPHEN)


def _when(day: str | None, today: str) -> str:
    return NEVER if day is None else "already" if day == today else f"on {day}"


def _in(disk: Answer) -> str:
    return f"after {disk['days_until_full']:,.0f} days"
