"""workbench runs: every run whose prediction was sealed."""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from workbench import api


@click.command(name="runs", short_help="List sealed runs.")
@click.option("--json", "as_json", is_flag=True, help="A list of objects on stdout.")
@click.option("--out", type=click.Path(path_type=Path), default=api.DEFAULT_OUT, help="Folder of the runs.")
def command(as_json: bool, out: Path) -> int:
    """List every run whose prediction was sealed: complete, incomplete and inconclusive ones alike.

    \b
    Example:
      workbench runs --json
    """
    table = api.runs(out.absolute())
    known = table.notna()
    if as_json:
        records = table.astype(object).where(known, None).to_dict("records")
        click.echo(orjson.dumps(records, option=orjson.OPT_INDENT_2).decode())
    elif table.empty:
        click.echo("no sealed run yet: `workbench drill broker-loss` makes one")
    else:
        shown = table.astype(object).where(known, "").drop(columns=["sha256", "folder"])
        click.echo(shown.to_string(index=False))
    return 0
