"""Options that every command takes, before or after its name, with the same meaning."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from upgrader.cluster.access import READ, Access
from upgrader.playbook.strict import duration

F = TypeVar("F", bound=Callable[..., Any])
FORMATS = ("text", "wide", "short", "json", "yaml", "jsonl", "markdown")
PREFIX = "UPGRADER"


@dataclass
class Globals:
    """What was said for the whole call.

    Attributes:
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
    found.given.add(param.name)


def _option(*names: str, **settings: Any) -> Callable[[F], F]:
    return click.option(*names, callback=_keep, expose_value=False, is_eager=True, **settings)


def _all(*, env: bool) -> list[Callable[[Any], Any]]:
    def var(name: str) -> str | None:
        return f"{PREFIX}_{name}" if env else None

    return [
        _option("--context", metavar="NAME", envvar=var("CONTEXT"), help="Context of the kubeconfig."),
        _option(
            "--kubeconfig",
            metavar="PATH",
            envvar=var("KUBECONFIG"),
            help="Kubeconfig file(s); $KUBECONFIG otherwise.",
        ),
        _option("--as", "as_user", metavar="USER", envvar=var("AS"), help="Impersonate this user."),
        _option("--as-group", multiple=True, metavar="GROUP", help="Impersonate this group."),
        _option(
            "--request-timeout",
            type=Duration(),
            envvar=var("REQUEST_TIMEOUT"),
            help="Longest silence of the API server.  [30s]",
        ),
        _option(
            "-i",
            "--istio-namespace",
            metavar="NS",
            envvar=var("ISTIO_NAMESPACE"),
            help="Namespace of istiod.  [istio-system]",
        ),
        _option(
            "-o",
            "--output",
            multiple=True,
            type=Output(),
            envvar=var("OUTPUT"),
            help=f"{', '.join(FORMATS)}; FORMAT=PATH writes a file.",
        ),
        _option("--config", metavar="FILE", envvar=var("CONFIG"), help="Configuration file."),
        _option("--state", metavar="DIR", envvar=var("STATE"), help="Folder of run records."),
        _option("-q", "--quiet", is_flag=True, help="Less text. Never answers a question."),
        _option("-v", "--verbose", count=True, help="More text."),
        _option(
            "--color",
            type=click.Choice(["auto", "always", "never"]),
            envvar=var("COLOR"),
            help="When to use colour.",
        ),
        _option("--ascii", is_flag=True, envvar=var("ASCII"), help="No marks beyond ASCII."),
        _option("--accessible", is_flag=True, help="One fact per line, words instead of marks."),
        _option("--plain", is_flag=True, envvar=var("PLAIN"), help="As --color never --ascii."),
        _option("--no-input", is_flag=True, help="Never ask; fail with the flag that would have answered."),
    ]


def global_options(function: F, *, env: bool = False) -> F:
    """Add the options of ``Globals`` to a command."""
    for option in reversed(_all(env=env)):
        function = option(function)
    return function


def said() -> Globals:
    """The ``Globals`` of the running call."""
    return click.get_current_context().find_root().ensure_object(Globals)
