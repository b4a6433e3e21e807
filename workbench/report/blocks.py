"""What a page is made of: sections of sentences, figures and tables. Page and Markdown are written from these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.report.figures.sheet import Drawing


@dataclass(frozen=True)
class Cell:
    """One cell of a table."""

    text: str
    spoken: str = ""  # what a screen reader says instead
    mark: str = ""  # "miss", "kept", "strong", "muted"
    link: str = ""  # "#section"
    tag: str = ""  # a small word behind the text
    anchor: str = ""  # its id on the page


@dataclass(frozen=True)
class Column:
    """One column's head; numbers are right-aligned."""

    title: str
    number: bool = False


@dataclass(frozen=True)
class Table:
    """A table. The first cell of each row is its head. With `summary` it is folded away behind that line."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    name: str = ""
    summary: str = ""


@dataclass(frozen=True)
class Section:
    """One section: sentences, then figures, then tables."""

    anchor: str
    title: str
    question: str
    sentences: Sequence[str] = ()
    figures: Sequence[Drawing] = ()
    tables: Sequence[Table] = ()
    commands: Sequence[str] = ()


@dataclass(frozen=True)
class Badge:
    """One verdict: what is judged, the word, the sentence."""

    name: str
    word: str
    sentence: str
    look: str  # "pass", "fail", "open"


@dataclass(frozen=True)
class BigNumber:
    """One of the large numbers: what users felt."""

    value: str
    unit: str
    title: str
    details: Sequence[str]
    look: str  # "", "fail"


@dataclass(frozen=True)
class Page:
    """The whole page."""

    title: str
    lines: Sequence[str]  # under the title
    headline: str
    supports: str
    mood: str  # "pass", "fail", "open", "broken"
    alarm: str  # what may still be broken, "" for nothing
    badges: Sequence[Badge]
    warnings: Sequence[str]
    numbers: Sequence[BigNumber]
    sections: Sequence[Section]
    over: str = "Hub workbench: one drill"  # above the title


def cells(*texts: str) -> list[Cell]:
    """Return plain cells."""
    return [Cell(text) for text in texts]
