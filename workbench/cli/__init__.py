"""The command line: one thin file a command; the only place that catches exceptions and exits."""

from __future__ import annotations

import importlib
import sys
from typing import Final

import click

from workbench import __version__
from workbench.errors import EXIT_BAD_INPUT, EXIT_STOPPED, WorkbenchError

# Command -> one line of help. Each is `command` in workbench/cli/<command>.py (node_loss.py); loaded when used,
# so that `workbench --help` does not import the models.
COMMANDS: Final = {
    "drill": "Predict, seal, break, observe, compare: one whole drill.",
    "recover": "Undo what a dead driver's drill left on a cluster.",
    "predict": "Predict what a scenario's fault will do, without breaking anything.",
    "calibrate": "Measure on a hub of its own what the models else take from priors.",
    "node-loss": "What Kubernetes does when a node goes silent, and when.",
    "place": "Where Kubernetes would run each pod of the manifests, and why.",
    "plan": "How much the hub carries, what saturates, and when growth has eaten it.",
    "saturation": "Where Kafka, Postgres and the pipeline saturate, predicted and found by ramps.",
    "validate": "Check scenarios and manifests; report every problem at once.",
    "report": "Render a run's pages again, byte for byte.",
    "runs": "List every run whose prediction was sealed.",
    "fidelity": "How good sealed predictions were, over many drills.",
    "nightly": "A suite of drills unattended, judged against the nights before.",
    "cluster": "A real Kubernetes of its own on this machine, to break.",
    "node-power": "Switch real nodes off and on, over ssh.",
    "hub": "Start, look at and stop an embedded hub of real servers.",
}


class _Commands(click.Group):
    """Loads a command's file when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"workbench.cli.{cmd_name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="workbench")
def root() -> None:
    """Predict what a fault costs the Central Hub, seal it, break real servers, compare.

    \b
    Examples:
      workbench drill broker-loss
      workbench validate scenarios/*.yaml
      workbench hub up
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with the code of workbench.errors."""
    try:
        result = root.main(args=arguments, prog_name="workbench", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(EXIT_BAD_INPUT)
    except (KeyboardInterrupt, click.Abort):
        click.echo("stopped by a person (Ctrl-C)", err=True)
        sys.exit(EXIT_STOPPED)
    except WorkbenchError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    sys.exit(result if isinstance(result, int) else 0)
