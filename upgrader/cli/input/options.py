"""Options that every command takes, before or after its name, with the same meaning."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from upgrader.cluster.access import READ, Access
from upgrader.model.duration import duration

F = TypeVar("F", bound=Callable[..., Any])
FORMATS = ("text", "wide", "short", "json", "yaml", "jsonl", "markdown", "snapshot", "images")
PREFIX = "UPGRADER"


def program() -> str:
    """What the user typed to start this."""
    called = Path(sys.argv[0]).name
    return "kubectl istio-upgrade" if called.startswith("kubectl-") else "upgrade"


@dataclass
class Globals:
    """What was said for the whole call.

    Attributes:
        given: Names of what was said on the command line itself.
        heard: Names of what was said there or in the environment.
        streamed: The event stream of this call is complete.
        settled: Configuration files were asked for what nobody said.
        output: ``FORMAT`` or ``FORMAT=PATH``, as given; the first without a path is what stdout gets.
        state: Folder of run directories; empty for the default.
    """

    context: str = ""
    kubeconfig: str = ""
    as_user: str = ""
    as_group: tuple[str, ...] = ()
    request_timeout: timedelta = timedelta(seconds=READ)
    istio_namespace: str = ""
    output: tuple[str, ...] = ()
    config: str = ""
    state: str = ""
    quiet: bool = False
    verbose: int = 0
    color: str = "auto"
    ascii: bool = False
    accessible: bool = False
    plain: bool = False
    no_input: bool = False
    given: set[str] = field(default_factory=set)
    heard: set[str] = field(default_factory=set)
    settled: bool = False
    streamed: bool = False

    @property
    def access(self) -> Access:
        """How the cluster is reached."""
        timeout = self.request_timeout.total_seconds()
        return Access(self.kubeconfig, self.context, self.as_user, self.as_group, timeout)

    @property
    def format(self) -> str:
        """What stdout gets."""
        return next((one for one in self.output if "=" not in one), "text")

    @property
    def files(self) -> dict[str, Path]:
        """Format to file, for ``-o FORMAT=PATH``."""
        return {one.partition("=")[0]: Path(one.partition("=")[2]) for one in self.output if "=" in one}

    def flags(self) -> str:
        """The flags that a printed command must repeat to reach the same cluster and records."""
        words = [
            ("context", self.context),
            ("kubeconfig", self.kubeconfig),
            ("state", self.state),
            ("as", self.as_user),
        ]
        return "".join(
            f" --{name} {shlex.quote(value)}" for name, value in words if value and name in self.given
        )


class Duration(click.ParamType[timedelta]):
    """``30s``, ``10m``, ``2h``; also ``0``."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The time span.

        Raises:
            click.BadParameter: no unit, or no number.
        """
        if isinstance(value, timedelta):
            return value
        try:
            return timedelta(0) if value == "0" else duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Output(click.ParamType[str]):
    """``FORMAT`` or ``FORMAT=PATH``."""

    name = "format[=path]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The same text, checked.

        Raises:
            click.BadParameter: no such format.
        """
        word = str(value).partition("=")[0]
        if word not in FORMATS:
            self.fail(f"{word!r} is not one of {', '.join(FORMATS)}", param, ctx)
        return str(value)


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Into the call's ``Globals``, unless nothing was said here."""
    found = ctx.find_root().ensure_object(Globals)
    if value is None or value is False or value in ((), 0):
        return
    assert param.name is not None
    setattr(found, param.name, value)
    found.heard.add(param.name)
    if ctx.get_parameter_source(param.name) is ParameterSource.COMMANDLINE:
        found.given.add(param.name)


class GlobalOption(click.Option):
    """An option that every command takes; told once, in the help of the whole program."""


class Spoken(click.Command):
    """A command whose help shows its own options, and says where the others are."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Own options; the global ones only where there is nothing else to show them."""
        write_options(self, ctx, formatter)


class SpokenGroup(click.Group):
    """A group of such commands."""

    command_class = Spoken

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Own options, then the commands."""
        write_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)


def write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """The options of *command* in the order in which they were declared; the program's own at the root."""
    params = command.get_params(ctx)
    options = [p for p in params if isinstance(p, click.Option)]
    own = [row for p in options if not isinstance(p, GlobalOption) and (row := p.get_help_record(ctx))]
    shared = [row for p in options if isinstance(p, GlobalOption) and (row := p.get_help_record(ctx))]
    if own:
        with formatter.section("Options"):
            formatter.write_dl(own)
    if ctx.parent is None and shared:
        with formatter.section("Global options, before or after the command"):
            formatter.write_dl(shared)
    elif shared:
        formatter.write_paragraph()
        formatter.write_text("Global options, before or after the command: upgrade --help")


def _option(*names: str, **settings: Any) -> Callable[[F], F]:
    return click.option(
        *names, cls=GlobalOption, callback=_keep, expose_value=False, is_eager=True, **settings
    )


def _all(*, env: bool) -> list[Callable[[Any], Any]]:
    return [*_reaching(env=env), *_showing(env=env)]


def _var(name: str, *, env: bool) -> str | None:
    return f"{PREFIX}_{name}" if env else None


def _reaching(*, env: bool) -> list[Callable[[Any], Any]]:
    """How the cluster and the records are reached."""

    def named(*names: str, about: str, **settings: Any) -> Callable[[Any], Any]:
        word = names[-1] if len(names) == 1 or names[-1].startswith("-") else names[0]
        variable = _var(word.lstrip("-").replace("-", "_").upper(), env=env)
        return _option(*names, envvar=variable, help=about, **settings)

    return [
        named("--context", metavar="NAME", about="Context of the kubeconfig."),
        named("--kubeconfig", metavar="PATH", about="Kubeconfig file(s); $KUBECONFIG otherwise."),
        named("--as", "as_user", metavar="USER", about="Impersonate this user."),
        _option("--as-group", multiple=True, metavar="GROUP", help="Impersonate this group."),
        named("--request-timeout", type=Duration(), about="Longest silence of the API server.  [30s]"),
        named("-i", "--istio-namespace", metavar="NS", about="Namespace of istiod.  [found]"),
        named("--config", metavar="FILE", about="Configuration file."),
        named("--state", metavar="DIR", about="Folder of run records."),
    ]


def _showing(*, env: bool) -> list[Callable[[Any], Any]]:
    """What is shown, and how."""
    formats = f"{', '.join(FORMATS)}; FORMAT=PATH writes a file."
    colors = click.Choice(["auto", "always", "never"])
    return [
        _option("-o", "--output", multiple=True, type=Output(), envvar=_var("OUTPUT", env=env), help=formats),
        _option("-q", "--quiet", is_flag=True, help="Less text. Never answers a question."),
        _option("-v", "--verbose", count=True, help="More text."),
        _option("--color", type=colors, envvar=_var("COLOR", env=env), help="When to use colour."),
        _option("--ascii", is_flag=True, envvar=_var("ASCII", env=env), help="No marks beyond ASCII."),
        _option("--accessible", is_flag=True, help="One fact per line, words instead of marks."),
        _option("--plain", is_flag=True, envvar=_var("PLAIN", env=env), help="As --color never --ascii."),
        _option("--no-input", is_flag=True, help="Never ask; fail with the flag that would have answered."),
    ]


def global_options(function: F, *, env: bool = False) -> F:
    """Add the options of ``Globals`` to a command."""
    options = _all(env=env)
    for option in options if isinstance(function, click.Command) else reversed(options):
        function = option(function)
    return function


def showing_options(function: F) -> F:
    """Add those that say what is shown, to a command that reaches no cluster."""
    for option in reversed(_showing(env=False)):
        function = option(function)
    return function


def said() -> Globals:
    """The ``Globals`` of the running call; configuration files fill in what neither flags nor environment said.

    Raises:
        UpgradeError: UPG-0002: a configuration file is wrong.
    """
    found = click.get_current_context().find_root().ensure_object(Globals)
    if not found.settled:
        from upgrader.cli.input.configuration import fill

        found.settled = True
        fill(found)
    return found
