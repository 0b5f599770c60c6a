"""From everything that was read and decided to a plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from upgrader.model.answer import Answer
from upgrader.model.codec import digest
from upgrader.model.finding import Finding, Severity
from upgrader.model.injector import InjectorSettings
from upgrader.model.installing import Binary, Difference, Options
from upgrader.model.playbook import Playbook
from upgrader.model.snapshot import ControlPlane, Snapshot
from upgrader.model.version import Version
from upgrader.planning.hop.documents import image_text, proxy_image
from upgrader.planning.hop.hop import make_hop
from upgrader.planning.hop.retire import LEFT_OVER
from upgrader.planning.hop.scope import Scope
from upgrader.planning.hop.stage import HopInputs, Stage
from upgrader.planning.outlook.estimate import expect
from upgrader.planning.outlook.restarts import outlook_of
from upgrader.planning.plan import Hop, Plan, named
from upgrader.planning.preconditions import preconditions
from upgrader.planning.route import running
from upgrader.playbook.configured import injecting
from upgrader.playbook.manifests import Release
from upgrader.survey.facts import snapshot_digest


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a plan is made from.

    Attributes:
        path: Targets, as ``route`` gives them; () plans nothing.
        releases: Version to its manifests, one for each target.
        findings: What the checks found.
        checks: How many checks were run.
        only: ``namespace`` or ``namespace/workload``: nothing else moves.
        exclude: ``namespace`` or ``namespace/workload`` that stays behind.
        manifests: Folder that the releases were read from.
        binaries: The istioctl that rendered each release, if one did.
        options: Version to what it was rendered with, if istioctl rendered it.
        changed: Version to what its control plane does differently; likewise.
        inputs: Further digests of what the plan is made from.
        catalog: Folder of the site's own catalog, whose digests are among them; empty where there is none.
        answers: To the questions of advisories.
    """

    mesh: Snapshot
    path: tuple[Version, ...]
    releases: Mapping[str, Release]
    playbook: Playbook
    findings: tuple[Finding, ...] = ()
    checks: int = 0
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    made: datetime
    made_by: str = ""
    tool: str = ""
    manifests: str = ""
    binaries: tuple[Binary, ...] = ()
    options: Mapping[str, Options] = {}
    changed: Mapping[str, tuple[Difference, ...]] = {}
    inputs: Mapping[str, str] = {}
    catalog: str = ""
    answers: tuple[Answer, ...] = ()


def make_plan(request: Request) -> Plan:
    """The whole plan, every hop from one snapshot. Pure.

    Raises:
        UpgradeError: UPG-0012 no wave selects a namespace of the mesh, UPG-0014 ``--only`` or ``--exclude`` names
            nothing that is in the mesh.
    """
    mesh, playbook = request.mesh, request.playbook
    start, facts = running(mesh), snapshot_digest(mesh)
    here = start.version if start else ""
    targets = [version for version in request.path if str(version) != here]
    hops, findings = _hops(request, start, facts[:8], targets) if start else ((), ())
    outlook = outlook_of(mesh, hops)
    return named(
        Plan(
            id="",
            made=request.made,
            made_by=request.made_by,
            valid_until=request.made + playbook.valid_for,
            tool=request.tool,
            cluster=mesh.cluster,
            path=(here, *map(str, targets)) if here else (),
            hops=tuple(_told(hop, request) for hop in hops),
            findings=(*request.findings, *_new(findings, request.findings)),
            checks=request.checks,
            answers=request.answers,
            preconditions=preconditions(mesh),
            playbook=playbook,
            inputs=_inputs(request, facts, targets),
            catalog=request.catalog,
            manifests=request.manifests,
            binaries=request.binaries,
            root_namespace=mesh.root_namespace,
            outlook=outlook,
            expected=expect(hops, outlook),
            counts=_counts(mesh),
        )
    )


def _hops(
    request: Request, start: ControlPlane, mark: str, targets: list[Version]
) -> tuple[tuple[Hop, ...], tuple[Finding, ...]]:
    mesh, here, old = request.mesh, start.version, start.revision
    scope = Scope.of(mesh, request.only, request.exclude)
    stage, former = Stage.of(mesh), None
    hops: list[Hop] = []
    findings: list[Finding] = []
    for number, target in enumerate(targets, 1):
        release = request.releases[str(target)]
        inputs = HopInputs(
            number=number,
            last=number == len(targets),
            mesh=mesh,
            playbook=request.playbook,
            release=release,
            former=former,
            source=here,
            old=old,
            scope=scope,
            mark=f"{release.revision}.{mark}",
            image=proxy_image(release),
            old_image=_old_image(mesh, old, former),
        )
        hop, stage, found = make_hop(inputs, _deciding(stage, release))
        hops.append(hop)
        findings += found
        here, old, former = release.version, release.revision, release
    return tuple(h for h in hops if h.waves), tuple(findings)


def _deciding(stage: Stage, release: Release) -> Stage:
    """With what decides inside the istiod of *release*; what nothing says is as the charts have it."""
    settings = injecting(release) or InjectorSettings()
    return msgspec.structs.replace(stage, forecast=stage.forecast.configured(release.revision, settings))


def _told(hop: Hop, request: Request) -> Hop:
    """The hop with what is known about how its manifests came to be."""
    options, changed = request.options.get(hop.target, Options()), request.changed.get(hop.target, ())
    return msgspec.structs.replace(hop, options=options, differences=changed)


def _new(found: Iterable[Finding], known: Iterable[Finding]) -> Iterator[Finding]:
    """What the checks have not said already, or not as gravely; why nothing moves a workload is said once."""
    known = tuple(known)
    said = {(f.code, f.subject, f.severity) for f in known}
    stuck = {f.subject for f in known if f.blocks}
    for finding in found:
        graver = {(finding.code, finding.subject, s) for s in (finding.severity, Severity.BLOCKED)}
        explained = finding.code == LEFT_OVER and finding.subject in stuck
        if not graver & said and not explained:
            yield finding


def _old_image(mesh: Snapshot, old: str, former: Release | None) -> str:
    if former:
        return proxy_image(former)
    plane = mesh.plane(old)
    return image_text(plane.proxy_image) if plane else ""


def _inputs(request: Request, facts: str, targets: list[Version]) -> dict[str, str]:
    files: dict[str, str] = {}
    for target in targets:
        files |= request.releases[str(target)].files
    fixed = {"snapshot": facts, "playbook": digest(request.playbook)}
    return fixed | dict(request.inputs) | dict(sorted(files.items()))


def _counts(mesh: Snapshot) -> dict[str, int]:
    return {
        "namespaces": len({*mesh.owners.values()}),
        "workloads": len(mesh.owners),
        "proxies": len(mesh.proxies),
    }
