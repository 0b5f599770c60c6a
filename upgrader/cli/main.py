"""The group of all commands; each one is imported when it is called, so that starting costs little."""

from __future__ import annotations

import difflib
from importlib import import_module

import click

from upgrader import __version__
from upgrader.cli.input.options import Globals, global_options, write_options

SECTIONS: dict[str, dict[str, str]] = {
    "Look (changes nothing, takes no lock)": {
        "plan": "Say what stands in the way and exactly what would happen",
        "show": "Print a saved plan or a run in any format",
        "check": "Preflight only, as grouped findings",
        "status": "A run, compared with the live cluster now",
        "verify": "Ask the cluster whether the mesh is as it should be",
        "report": "Write the report of a run",
        "versions": "Versions that can be reached, and their end of life",
        "explain": "Explain a code, offline",
    },
    "Act": {
        "apply": "Carry out a saved plan, or plan, ask and carry out",
        "resume": "Go on with an interrupted, parked or failed run",
        "rollback": "Take a run back to where its hop began",
        "restore": "Put back what differs from a run's backup",
        "approve": "Pass a manual gate, from any terminal",
        "unlock": "Remove a lock whose holder is gone",
    },
    "Set up": {
        "config": "View and check the configuration",
        "completion": "Completion for bash, zsh or fish",
        "sandbox": "A cluster with a mesh in memory, to try things on",
        "version": "Version of this program and its formats",
        "help": "Topics: exit-codes, environment, events, gates, formats, interruption",
    },
}
ROOMS = dict(zip(SECTIONS, ("look", "act", "setup"), strict=True))
NAMES = [name for section in SECTIONS.values() for name in section]


class Commands(click.Group):
    """Finds commands by name, imports them late, and suggests the nearest for a wrong one."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """All commands, in the order of the help."""
        return NAMES

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, imported now."""
        if cmd_name not in NAMES:
            return None
        place = next(ROOMS[title] for title, section in SECTIONS.items() if cmd_name in section)
        module = import_module(f"upgrader.cli.commands.{place}.{cmd_name}")
        found: click.Command = getattr(module, _function(cmd_name))
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click, with a suggestion.

        Raises:
            click.UsageError: there is no such command.
        """
        if args and args[0] not in NAMES and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], NAMES, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise click.UsageError(f"no such command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Commands first: they are what one looks for."""
        self.format_commands(ctx, formatter)
        write_options(self, ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Commands by what they are for, without importing them."""
        for title, rows in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(rows.items()))


def _function(name: str) -> str:
    return {"help": "help_", "config": "config"}.get(name, name)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(__version__, message="upgrade %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Upgrade Istio one minor version at a time: plan, approve, apply, resume.

    \b
    upgrade plan --to 1.29 --out plan.json      # what would happen
    upgrade apply plan.json                     # do it
    upgrade resume                              # go on after any interruption
    """
    ctx.ensure_object(Globals)


cli = global_options(cli, env=True)
