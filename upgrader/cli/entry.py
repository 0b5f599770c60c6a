"""From the command line to an exit code; whatever goes wrong becomes a message in the one form."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from upgrader.cli.input.options import Globals, program
from upgrader.cli.main import cli
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.failures import ClusterFailure


def main(args: Sequence[str] | None = None) -> None:
    """Run one command and end the process."""
    sys.exit(run(list(sys.argv[1:] if args is None else args)))


def run(args: Sequence[str]) -> int:
    """Run one command; returns the exit code.

    Codes: ``model.errors.Exit``. A closed pipe ends reading commands quietly.
    """
    said = Globals()
    try:
        found = _invoke(list(args), said)
        sys.stdout.flush()
    except BrokenPipeError:
        _hush()
        return Exit.CLOSED_PIPE
    except click.exceptions.NoArgsIsHelpError as bare:
        click.echo(bare.ctx.get_help())
        return Exit.OK
    except (click.exceptions.Exit, SystemExit) as leaving:
        return int(getattr(leaving, "exit_code", None) or getattr(leaving, "code", 0) or 0)
    except KeyboardInterrupt:
        click.echo("Interrupted. Nothing was changed.", err=True)
        return Exit.INTERRUPTED
    except click.UsageError as error:
        if error.ctx is not None and _asks_for_help(args):
            click.echo(error.ctx.get_help())
            return Exit.OK
        said.output = said.output or _formats(args)
        return _told(_usage(error), said)
    except Exception as error:  # noqa: BLE001  everything becomes a message in the one form
        return _told(_as_error(error), said)
    return int(found or 0)


def _invoke(args: list[str], said: Globals) -> Any:
    """The command's own answer. Not by way of click's ``main``, which turns a closed pipe into exit code 1."""
    if "_UPGRADE_COMPLETE" in os.environ:
        return cli.main(args, prog_name="upgrade", standalone_mode=False)
    with cli.make_context(program(), args, obj=said) as context:
        return cli.invoke(context)


def _as_error(error: Exception) -> UpgradeError:
    """Whatever went wrong, in the one form."""
    match error:
        case UpgradeError():
            return error
        case click.Abort() | EOFError():
            return _declined()
        case click.UsageError():
            return _usage(error)
        case click.ClickException():
            return UpgradeError("UPG-0001", error.format_message(), exit_code=Exit.USAGE)
        case ClusterFailure():
            return _failed(error)
        case OSError() if not isinstance(error, LookupError):
            return _system(error)
        case _:
            return _bug(error)


def _asks_for_help(args: Sequence[str]) -> bool:
    """Whether help was wanted, whatever else is wrong on the line."""
    return any(one in {"-h", "--help"} for one in args)


def _formats(args: Sequence[str]) -> tuple[str, ...]:
    """The machine formats of a line that could not be parsed, so that its error has that form too."""
    words = [*args, ""]
    pairs = [(one, words[n + 1]) for n, one in enumerate(args)]
    named = [
        after if one in {"-o", "--output"} else one.removeprefix("--output=").removeprefix("-o")
        for one, after in pairs
        if one.startswith(("-o", "--output"))
    ]
    return tuple(one for one in named if one in {"json", "yaml", "jsonl"})


def _told(error: UpgradeError, said: Globals) -> int:
    from upgrader.cli.output.screen import style_of, typed
    from upgrader.report.errors import error_text

    try:
        if said.format in {"json", "yaml", "jsonl"}:
            for line in _document(error, said):
                click.echo(line)
            click.echo(f"error {error.code}: {error.headline}", err=True)
        else:
            width = style_of(said, error=True).width
            click.echo(error_text(error, typed(said), width), err=True)
    except BrokenPipeError:
        _hush()
    return int(error.exit_code)


def _document(error: UpgradeError, said: Globals) -> list[str]:
    """The error for machines: one document, or the lines that an event stream still lacks."""
    from upgrader.host.clock import SystemClock
    from upgrader.report.errors import error_json
    from upgrader.report.run.events import refused

    if said.format != "jsonl":
        return [error_json(error, said.format)]
    return [] if said.streamed else refused(error, SystemClock().now())


def _hush() -> None:
    """Nothing more can be written; do not let the interpreter complain about it at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        except (OSError, ValueError):
            continue


def _usage(error: click.UsageError) -> UpgradeError:
    command = error.ctx.command_path if error.ctx else program()
    return UpgradeError("UPG-0001", error.format_message(), do=(f"{command} --help",), exit_code=Exit.USAGE)


def _declined() -> UpgradeError:
    return UpgradeError(
        "UPG-0013", "not started: the answer was no, or there was none", exit_code=Exit.DECLINED
    )


def _failed(failure: ClusterFailure) -> UpgradeError:
    from upgrader.report.errors import of_failure

    return of_failure(failure)


def _system(error: OSError) -> UpgradeError:
    what: tuple[Any, ...] = (f"{error.filename}",) if error.filename else ()
    return UpgradeError(
        "UPG-0015",
        f"this machine refused: {error.strerror or error}",
        what=what,
        do=("free space, or mend the permissions of that file, and run the same command again",),
        exit_code=Exit.ERROR,
        left="What was not written down was not done.",
    )


def _bug(error: Exception) -> UpgradeError:
    from upgrader.cli.crash import keep_traceback

    place = keep_traceback(error)
    return UpgradeError(
        "UPG-0902",
        "something went wrong inside this program",
        what=(f"{type(error).__name__}; the details are in {place}",),
        why="this is a fault of ours, not of your cluster",
        do=("send us that file", "a run that was open stays open: upgrade status"),
        exit_code=Exit.ERROR,
        left="If a run was open, its journal is complete.",
    )
