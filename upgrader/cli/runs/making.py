"""From what the user asks to a plan: survey, route, manifests, checks, planner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import msgspec

from upgrader.catalog import load_catalog
from upgrader.checks import Context, run_checks
from upgrader.cli.input.options import Globals
from upgrader.cli.input.places import manifests_folder, playbook_path
from upgrader.cli.runs.seeing import blind_spots
from upgrader.cli.wiring import TOOL, Connection, survey
from upgrader.host.identity import person
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.finding import Finding, Severity
from upgrader.model.playbook import Playbook
from upgrader.model.snapshot import Snapshot
from upgrader.model.version import Version
from upgrader.planning.plan import Plan
from upgrader.planning.planner import Request, make_plan
from upgrader.planning.route import explicit, route, running
from upgrader.playbook.load import load_playbook
from upgrader.playbook.manifests import Release, load_releases


@dataclass(frozen=True)
class Wish:
    """What was asked for, as ``plan`` and ``apply`` take it.

    Attributes:
        to: Version, minor, or ``next``.
        path: Versions in order; instead of *to*.
        allow: ``CODE`` or ``CODE:OBJECT``.
        reason: Why, for all of *allow*.
    """

    to: str = "next"
    path: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    playbook: str = "canary"
    manifests: str = ""
    allow: tuple[str, ...] = ()
    reason: str = ""
    valid_for: timedelta | None = None


@dataclass(frozen=True)
class Made:
    """A plan and what it was made from."""

    plan: Plan
    mesh: Snapshot
    playbook_text: str = ""
    releases: dict[str, Release] = field(default_factory=dict)


def make(connection: Connection, said: Globals, wish: Wish) -> Made:
    """Read the cluster and decide.

    Raises:
        UpgradeError: the wish cannot be a plan (version skip, no manifests, playbook typo …). A plan that is blocked by
            findings is returned, for reading.
        ClusterFailure: the cluster could not be read.
    """
    playbook = _playbook(wish)
    folder = manifests_folder(wish.manifests, playbook.install.folder, said.access)
    mesh = survey(connection)
    _check_place(mesh, said.istio_namespace)
    available = available_in(folder)
    plane = running(mesh)
    targets = () if plane is None else _targets(Version.parse(plane.version), wish, available)
    releases = load_releases(folder, targets) if targets and folder is not None else {}
    here = () if plane is None else (Version.parse(plane.version),)
    context = Context(
        path=(*here, *targets),
        catalog=load_catalog(),
        excluded=wish.exclude,
        mirrors=playbook.mirrors,
        parts={v: frozenset(d.part for d in r.documents) for v, r in releases.items()},
    )
    report = run_checks(mesh, context)
    plan = make_plan(
        Request(
            mesh=mesh,
            path=targets,
            releases=releases,
            playbook=playbook,
            findings=(*report.findings, *(blind_spots(connection, mesh) if targets else ())),
            checks=report.ran,
            only=wish.only,
            exclude=wish.exclude,
            made=connection.clock.now(),
            made_by=person(),
            tool=TOOL,
            manifests=str(folder.resolve()) if folder else "",
        )
    )
    return Made(allowed(plan, wish.allow, wish.reason), mesh, releases=releases)


def _check_place(mesh: Snapshot, namespace: str) -> None:
    """The mesh is where the user says it is.

    Raises:
        UpgradeError: UPG-0106: no istiod runs in that namespace.
    """
    places = sorted({p.ref.namespace for p in mesh.control_planes})
    if namespace and namespace not in places:
        raise UpgradeError(
            "UPG-0106",
            f"no istiod runs in namespace {namespace}",
            what=(f"found in: {', '.join(places) or 'no namespace'}",),
            why="planning for another mesh than the one that was meant helps nobody",
            do=("kubectl get deployments -A -l app=istiod",),
            exit_code=Exit.BLOCKED,
        )


def _playbook(wish: Wish) -> Playbook:
    playbook = load_playbook(playbook_path(wish.playbook))
    return playbook if wish.valid_for is None else msgspec.structs.replace(playbook, valid_for=wish.valid_for)


def available_in(folder: Path | None) -> list[Version]:
    if folder is None or not folder.is_dir():
        return []
    found: list[Version] = []
    for place in folder.iterdir():
        try:
            version = Version.parse(place.name)
        except ValueError:
            continue
        if place.is_dir() and version.patch >= 0:
            found.append(version)
    return sorted(found)


def _targets(here: Version, wish: Wish, available: Sequence[Version]) -> tuple[Version, ...]:
    if wish.path:
        return explicit(here, [_version(one) for one in wish.path], available)
    return route(here, None if wish.to == "next" else _version(wish.to), available)


def _version(text: str) -> Version:
    try:
        return Version.parse(text)
    except ValueError as error:
        raise UpgradeError(
            "UPG-0103",
            f"{text!r} is not a version",
            why="a version is a minor such as 1.29 or a release such as 1.29.6",
            do=("upgrade versions",),
            exit_code=Exit.USAGE,
        ) from error


def allowed(plan: Plan, allow: Sequence[str], reason: str) -> Plan:
    """The plan with the exceptions that somebody answers for.

    Raises:
        UpgradeError: UPG-0016: no reason was given, nothing fits, or the code has no exceptions.
    """
    if not allow:
        return plan
    if not reason.strip():
        raise _no_exception("--allow needs --reason", "an exception that nobody explains cannot be reviewed")
    findings = list(plan.findings)
    for one in allow:
        code, _, subject = one.partition(":")
        fitting = [n for n, f in enumerate(findings) if f.code == code and subject in {"", f.subject}]
        if not fitting:
            raise _no_exception(f"nothing to allow: no finding {one}", "an exception names what it excuses")
        for number in fitting:
            findings[number] = _excused(findings[number], reason)
    from upgrader.planning.plan import named

    return named(msgspec.structs.replace(plan, findings=tuple(findings)))


def _excused(finding: Finding, reason: str) -> Finding:
    if finding.severity is Severity.BLOCKED and not finding.allowable:
        raise _no_exception(
            f"{finding.code} has no exceptions: {finding.summary}", "what it stands for would break the mesh"
        )
    return msgspec.structs.replace(finding, allowed=reason.strip())


def _no_exception(headline: str, why: str) -> UpgradeError:
    return UpgradeError(
        "UPG-0016",
        headline,
        why=why,
        do=("upgrade check      # the findings, with their subjects",),
        exit_code=Exit.USAGE,
    )
