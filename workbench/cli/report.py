"""workbench report: render a run's pages again."""

from __future__ import annotations

import json
from pathlib import Path

import click

from workbench import api


@click.command(name="report", short_help="Render a run's pages again.")
@click.argument("run", default="latest")
@click.option("--open-path", is_flag=True, help="Print only the page's path, to hand to a browser.")
@click.option("--json", "as_json", is_flag=True, help="Print the paths as JSON.")
@click.option("--out", type=click.Path(path_type=Path), default=api.DEFAULT_OUT, help="Folder of the runs.")
def command(run: str, open_path: bool, as_json: bool, out: Path) -> int:
    """Render the pages of RUN again from its folder alone: the same files give the same bytes.

    RUN is a run's folder, even of a drill that died, or a run id; without one it is the latest run.

    \b
    Examples:
      workbench report
      workbench report 20260314T214003Z-7f3a --json
      xdg-open "$(workbench report --open-path)"
    """
    folder = Path(run).absolute() if Path(run).is_dir() else api.find_run(run, out.absolute())
    page = api.report(folder)
    paths = {
        "page": page,
        "markdown": page.with_name("report.md"),
        "junit": page.with_name("junit.xml"),
        "figures": page.with_name("figures"),
    }
    if as_json:
        click.echo(json.dumps({name: str(path) for name, path in paths.items()}, indent=2))
    elif open_path:
        click.echo(str(page))
    else:
        for name, path in paths.items():
            click.echo(f"{name:<9} {path}")
    return 0


__all__ = ["command"]
