"""From a run folder to its pages: report.html, report.md, junit.xml and figures/*.svg."""

from __future__ import annotations

from typing import Final

from workbench.records.folder import RunFolder
from workbench.report import belief, course, judged, words
from workbench.report.blocks import Page, Section
from workbench.report.junit import to_junit
from workbench.report.pages import to_html, to_markdown
from workbench.report.record import Record, read_record
from workbench.report.svg import standalone
from workbench.report.why import why

HTML: Final = "report.html"
MARKDOWN: Final = "report.md"
JUNIT: Final = "junit.xml"


def render(run: RunFolder) -> None:
    """Write a run's pages from its folder's files alone; the same files give the same bytes.

    Any file may be missing or cut short: then the page says that the run is incomplete. Raises
    FileNotFoundError if there is no such folder.
    """
    record = read_record(run)
    page = page_of(record)
    run.figures.mkdir(exist_ok=True)
    for figure in (figure for section in page.sections for figure in section.figures):
        for size, svg in figure.svgs.items():
            name = figure.name if size == "wide" else f"{figure.name}-{size}"
            (run.figures / f"{name}.svg").write_text(standalone(svg), encoding="utf-8")
    (run.root / HTML).write_text(to_html(page), encoding="utf-8")
    (run.root / MARKDOWN).write_text(to_markdown(page), encoding="utf-8")
    (run.root / JUNIT).write_bytes(to_junit(record))


def page_of(record: Record) -> Page:
    """Return the page of a run."""
    headline, supports = words.headline(record)
    found = judged.badges(record)
    broken = record.exit_code == 6
    return Page(
        title=belief.title(record),
        lines=belief.head_lines(record),
        headline=headline,
        supports=supports,
        mood=words.mood(record),
        alarm=found[-1].sentence if broken else "",
        badges=found[:-1] if broken else found,
        warnings=belief.warnings(record),
        numbers=judged.big_numbers(record),
        sections=_sections(record),
    )


def _sections(record: Record) -> list[Section]:
    """Return the sections in reading order; trust moves up when a verdict is missing or inconclusive."""
    first = judged.verdicts(record)
    second, third = judged.felt(record), judged.trust(record)
    if words.mood(record) == "open":
        second, third = third, second
    return [
        first,
        second,
        third,
        judged.predicted_and_observed(record),
        course.timeline(record),
        course.phases(record),
        course.ledger(record),
        why(record),
        belief.assumptions(record),
        belief.run_again(record),
    ]
