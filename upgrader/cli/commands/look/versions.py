"""``upgrade versions``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from upgrader.catalog import load_catalog
from upgrader.cli.input.options import Globals, Spoken, global_options, said
from upgrader.cli.input.places import manifests_folder
from upgrader.cli.output.screen import show, style_of
from upgrader.cli.runs.choosing import available_in
from upgrader.cli.runs.istioctl import found_here
from upgrader.cli.wiring import connect, survey
from upgrader.host.clock import SystemClock
from upgrader.host.istioctl import Found
from upgrader.model.codec import pretty
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.failures import ClusterFailure
from upgrader.model.version import Version
from upgrader.planning.routes.targets import Start, start_of, targets
from upgrader.report.versions import known_text, reachable_text


class _Minor(click.ParamType[Version]):
    """``1.27`` or ``1.27.9``."""

    name = "version"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Version:
        """The version.

        Raises:
            click.BadParameter: it is none.
        """
        try:
            return Version.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command("versions", cls=Spoken)
@click.argument("what", type=click.Choice(["list"]), default="list", metavar="[list]")
@click.option("--from-version", type=_Minor(), metavar="VERSION", help="What runs; no cluster is read then.")
@click.option("--kubernetes", type=_Minor(), metavar="VERSION", help="What it runs on; with --from-version.")
@click.option("--manifests", default="", metavar="DIR", help="One sub-folder of rendered YAML per version.")
@click.option("--istioctl", multiple=True, metavar="PATH", help="An istioctl, or a folder of several.")
@click.option("--catalog", default="", metavar="DIR", help="Your own entries about releases, laid over ours.")
@global_options
def versions(what: str, manifests: str, istioctl: tuple[str, ...], catalog: str, **start: Any) -> int:
    """Show which minors can be reached from here, what each needs first, and until when it is supported.

    \b
    upgrade versions
    upgrade versions --from-version 1.27.9 --kubernetes 1.30   # no cluster
    """
    del what
    options = said()
    folder = manifests_folder(manifests, "", options.access)
    have = _by_minor(available_in(folder))
    found = found_here(options, istioctl)
    known = load_catalog(Path(catalog) if catalog else None)
    begin, unknown = _start(options, **start)
    today = SystemClock().now().date()
    goals = targets(begin, known, today) if begin else ()
    document = {
        "schema": "upgrader.versions/v1",
        "from": _document(begin, unknown),
        "targets": goals,
        "releases": known.releases,
        "manifests": have,
        "istioctl": found.binaries,
    }

    def text() -> str:
        at_hand = known_text(known, have, _by_minor(list(found.versions)), today)
        from_here = f"Manifests from: {folder or 'nowhere; name a folder with --manifests DIR'}"
        reachable = reachable_text(begin, goals, unknown, style_of(options))
        return "\n".join([*reachable, "", *at_hand, "", from_here, *found_lines(found)])

    show(options, {"text": text, "json": lambda: pretty(document).rstrip()})
    return Exit.OK


def _start(
    options: Globals, from_version: Version | None = None, kubernetes: Version | None = None
) -> tuple[Start | None, str]:
    """Where an upgrade begins, or why nobody knows.

    Raises:
        click.UsageError: a Kubernetes version without what runs on it.
    """
    if from_version is not None:
        return Start(version=from_version, kubernetes=str(kubernetes or "")), ""
    if kubernetes is not None:
        raise click.UsageError("--kubernetes goes with --from-version; a cluster says its own")
    try:
        begin = start_of(survey(connect(options)))
    except UpgradeError as error:
        return None, error.headline
    except ClusterFailure as failure:
        return None, failure.message
    return begin, "" if begin else "the cluster runs no istiod that says its version"


def _document(start: Start | None, unknown: str) -> dict[str, str]:
    if start is None:
        return {"unknown": unknown}
    return {"version": str(start.version), "kubernetes": start.kubernetes, "revision": start.revision}


def _by_minor(versions: list[Version]) -> dict[str, list[str]]:
    have: dict[str, list[str]] = {}
    for one in versions:
        have.setdefault(one.series, []).append(str(one))
    return have


def found_lines(found: Found) -> list[str]:
    """Every istioctl with its place, and what was passed over."""
    named = [f"istioctl {b.version}: {b.path} ({b.origin})" for b in found.binaries]
    named += [f"not used: {one}" for one in found.passed_over]
    return named or ["istioctl: none found; name one with --istioctl PATH"]
