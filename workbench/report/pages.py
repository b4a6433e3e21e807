"""Writes a page as HTML and as Markdown, from the same blocks."""

from __future__ import annotations

import re
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from workbench.report.blocks import Cell, Page
from workbench.report.palette import css_variables

_CODE = re.compile(r"`([^`]+)`")
_UNIT = re.compile(r"(?<=[0-9]) (?=%|m?s\b)")  # a number and its unit stay on one line

_INTERVAL = re.compile(r"\([0-9][0-9.,]*-[0-9][0-9.,]*\)")


def to_html(page: Page) -> str:
    """Return the page: one file, no script, no request."""
    environment = _environment(autoescape=True)
    css = environment.loader.get_source(environment, "page.css")[0] if environment.loader else ""
    variables = {theme: Markup(css_variables(theme)) for theme in ("light", "dark", "forced")}
    return environment.get_template("page.html.j2").render(page=page, css=Markup(css), variables=variables)


def to_markdown(page: Page) -> str:
    """Return the page as Markdown, figures as links."""
    text = _environment(autoescape=False).get_template("report.md.j2").render(page=page)
    return text.rstrip() + "\n"


@cache
def _environment(autoescape: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("workbench.report"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["code"] = _code
    environment.filters["mark"] = _markdown_cell
    return environment


def _code(text: str) -> Markup:
    """Return text for HTML; what stands between backticks becomes code, intervals and units stay on their line."""
    kept = _INTERVAL.sub(r'<span class="whole">\g<0></span>', _UNIT.sub("\u00a0", str(escape(text))))
    return Markup(_CODE.sub(r"<code>\1</code>", kept))


def _markdown_cell(cell: Cell) -> str:
    text = cell.text.replace("|", "\\|").replace("\n", " ")
    if cell.mark in ("miss", "strong") and text not in ("", "-"):
        text = f"**{text}**"
    if cell.mark == "miss" and cell.link.startswith("#define"):
        text = f"◆ {text}"
    return f"{text} ({cell.tag})" if cell.tag else text
