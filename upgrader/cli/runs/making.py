"""From what the user asks to a plan: survey, route, manifests, checks, planner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec

from upgrader.catalog import Catalog, load_catalog
from upgrader.checks import Context, run_checks
from upgrader.checks.advisories.choosing import advisories_along
from upgrader.checks.join import joined
from upgrader.cli.input.options import Globals
from upgrader.cli.input.places import manifests_folder, playbook_path
from upgrader.cli.runs.answering import answers_of, of_the_way
from upgrader.cli.runs.choosing import Way, Wish, by_catalog, from_folder, hops_of, method_of
from upgrader.cli.runs.istioctl import found_here, looking
from upgrader.cli.runs.rendering import Rendered, Rendering
from upgrader.cli.runs.seeing import blind_spots
from upgrader.cli.wiring import TOOL, Connection, survey
from upgrader.host.clock import SystemClock
from upgrader.host.identity import person
from upgrader.model.answer import Answer
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.finding import Finding, Severity
from upgrader.model.playbook import Playbook
from upgrader.model.snapshot import ControlPlane, Snapshot
from upgrader.model.version import Version
from upgrader.planning.plan import Plan, named
from upgrader.planning.planner import Request, make_plan
from upgrader.planning.rendering.upstream import not_said_by_them
from upgrader.planning.route import running
from upgrader.playbook.configured import configured
from upgrader.playbook.load import load_playbook
from upgrader.playbook.manifests import Release
from upgrader.playbook.overlay import Overlay, read_overlay


@dataclass(frozen=True)
class Made:
    """A plan and what it was made from."""

    plan: Plan
    mesh: Snapshot
    playbook_text: str = ""
    releases: dict[str, Release] = field(default_factory=dict)


@dataclass(frozen=True)
class _Known:
    """What is known before a mesh is looked at.

    Attributes:
        answers: Every one that was given, in the playbook or on the command line.
        catalog: With the site's own entries.
    """

    playbook: Playbook
    answers: tuple[Answer, ...]
    catalog: Catalog


def make(connection: Connection, said: Globals, wish: Wish) -> Made:
    """Read the cluster and decide.

    Raises:
        UpgradeError: the wish cannot be a plan (version skip, no manifests, playbook typo …). A plan that is blocked by
            findings is returned, for reading.
        ClusterFailure: the cluster could not be read.
    """
    known = _known(wish)
    playbook, catalog, mesh = known.playbook, known.catalog, survey(connection)
    plane, way = _start(said, wish, mesh, catalog)
    found = found_here(said, wish.istioctl)
    with looking(said, found.newest if plane else None, plane.revision if plane else "") as looks:
        folder = manifests_folder(wish.manifests, playbook.install.folder, said.access)
        method = method_of(wish, playbook, folder, plane)
        if plane is not None and way is not None and method == "istioctl":
            rendering = Rendering(
                connection.reader, mesh, plane, found, _overlay(wish, playbook), wish.keep, connection.stopped
            )
            rendered = rendering.make(hops_of(way, found))
        else:
            rendered = from_folder(folder, way)
        blind = blind_spots(connection, mesh) if rendered.targets else ()
        further = (*rendered.findings, *looks.findings(connection.stopped), *blind)
    chosen = msgspec.structs.replace(playbook.install, method=method)
    playbook = msgspec.structs.replace(playbook, install=chosen)
    context, answers = _context(plane, wish, rendered, known)
    report = run_checks(mesh, context)
    plan = _plan(
        connection.clock.now(),
        wish,
        playbook,
        replace(rendered, inputs=rendered.inputs | dict(catalog.site)),
        mesh,
        joined((*(way.findings if way else ()), *not_said_by_them(report.findings, further), *further)),
        report.ran + looks.number,
        answers,
    )
    return Made(allowed(plan, wish.allow, wish.reason), mesh, releases=rendered.releases)


def make_stored(said: Globals, wish: Wish, mesh: Snapshot) -> Made:
    """What the checks say about *mesh*, and the plan where there are manifests for it.

    Without manifests the plan has a path (of the newest releases that the catalog knows) and no steps, so it can be
    shown as findings only.

    Raises:
        UpgradeError: as ``making.make``.
    """
    known = _known(wish)
    playbook, catalog = known.playbook, known.catalog
    plane, way = _start(said, wish, mesh, catalog)
    folder = manifests_folder(wish.manifests, playbook.install.folder, said.access)
    rendered = from_folder(folder, way) if folder is not None else by_catalog(way)
    context, answers = _context(plane, wish, rendered, known)
    report = run_checks(mesh, context)
    ready = rendered if rendered.releases else Rendered(None, (), {})
    ready = replace(ready, inputs=ready.inputs | dict(catalog.site))
    found = joined((*(way.findings if way else ()), *report.findings))
    plan = _plan(SystemClock().now(), wish, playbook, ready, mesh, found, report.ran, answers)
    if plane is not None and not rendered.releases:
        path = (str(Version.parse(plane.version)), *map(str, rendered.targets))
        plan = msgspec.structs.replace(plan, path=path)
    return Made(allowed(plan, wish.allow, wish.reason), mesh, releases=rendered.releases)


def _known(wish: Wish) -> _Known:
    """Read what *wish* names; the same whether a cluster or a snapshot is asked.

    Raises:
        UpgradeError: the playbook or the site's catalog is not usable; UPG-0364 an answer is to no question.
    """
    playbook = _playbook(wish)
    return _Known(playbook, answers_of(wish.answer, playbook, wish.site), load_catalog(wish.site))


def _start(
    said: Globals, wish: Wish, mesh: Snapshot, catalog: Catalog
) -> tuple[ControlPlane | None, Way | None]:
    """What the upgrade starts from, and the way from there; None where no istiod runs.

    Raises:
        UpgradeError: UPG-0106.
    """
    _check_place(mesh, said.istio_namespace)
    plane = running(mesh)
    return plane, Way(wish, Version.parse(plane.version), mesh, catalog) if plane else None


def _plan(  # noqa: PLR0917  all that was read and decided comes together here
    now: datetime,
    wish: Wish,
    playbook: Playbook,
    rendered: Rendered,
    mesh: Snapshot,
    findings: tuple[Finding, ...],
    checks: int,
    answers: tuple[Answer, ...],
) -> Plan:
    """The plan, made at *now*; without steps where nothing was rendered."""
    return make_plan(
        Request(
            mesh=mesh,
            path=rendered.targets,
            releases=rendered.releases,
            playbook=playbook,
            findings=findings,
            checks=checks,
            answers=answers,
            only=wish.only,
            exclude=wish.exclude,
            made=now,
            made_by=person(),
            tool=TOOL,
            manifests=str(rendered.folder.resolve()) if rendered.folder else "",
            binaries=rendered.binaries,
            options=rendered.options,
            changed=rendered.changed,
            inputs=rendered.inputs,
            catalog=str(wish.site or ""),
        )
    )


def _context(
    plane: ControlPlane | None, wish: Wish, rendered: Rendered, known: _Known
) -> tuple[Context, tuple[Answer, ...]]:
    """What the checks are given beside the mesh, and those answers that the plan records."""
    here = () if plane is None else (Version.parse(plane.version),)
    path = (*here, *rendered.targets)
    answers = of_the_way(known.answers, path, wish.answer)
    context = Context(
        path=path,
        advisories=advisories_along(path, wish.site),
        catalog=known.catalog,
        site=str(wish.site or ""),
        excluded=wish.exclude,
        mirrors=known.playbook.mirrors,
        parts={v: frozenset(d.part for d in r.documents) for v, r in rendered.releases.items()},
        configured={v: configured(r) for v, r in rendered.releases.items()},
        answers={a.id: a for a in answers},
        step_patience=known.playbook.patience.step,
    )
    return context, answers


def _overlay(wish: Wish, playbook: Playbook) -> Overlay | None:
    """The file that the playbook names, beside it.

    Raises:
        UpgradeError: UPG-0110.
    """
    if not playbook.install.overlay:
        return None
    path = playbook_path(wish.playbook)
    return read_overlay((path if path.is_dir() else path.parent) / playbook.install.overlay)


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
    """The playbook, with what was said on the command line."""
    playbook = load_playbook(playbook_path(wish.playbook))
    return playbook if wish.valid_for is None else msgspec.structs.replace(playbook, valid_for=wish.valid_for)


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
