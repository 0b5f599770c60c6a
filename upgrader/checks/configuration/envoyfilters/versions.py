from __future__ import annotations

from collections.abc import Iterator, Sequence

from upgrader.checks.configuration.envoyfilters.patches import Patch, applies, patches
from upgrader.checks.context import Context
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot
from upgrader.model.step import counted
from upgrader.model.version import Version

_SHOWN = 8


def filter_versions(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report patches of EnvoyFilters that a hop switches off or on, since they ask for a version of the proxy.

    istiod compares ``match.proxy.proxyVersion``, a regular expression, with the version that the proxy says of itself
    (pilot/pkg/model/envoyfilter.go, ``proxyMatch``). Where one patch ends and another of the same place begins, both
    were written for this hop, and nothing is said.
    """
    asking = [p for p in patches(mesh, context) if p.versions]
    if not asking:
        return
    for number, (source, target) in enumerate(zip(context.path, context.path[1:], strict=False), start=1):
        ends = [p for p in asking if applies(p, source) and applies(p, target) is False]
        begins = [p for p in asking if applies(p, source) is False and applies(p, target)]
        kept = {_place(p) for p in ends} & {_place(p) for p in begins}
        yield from _told([p for p in ends if _place(p) not in kept], number, target, ends=True)
        yield from _told([p for p in begins if _place(p) not in kept], number, target, ends=False)
    yield from _unclear([p for p in asking if applies(p, context.path[0]) is None] if context.path else [])


def _place(patch: Patch) -> tuple[str, ...]:
    """What it does, wherever it is written: two such patches for two versions are one thing to their author."""
    return patch.ref.namespace, patch.apply_to, patch.context, patch.operation, *patch.anchors


def _told(found: Sequence[Patch], number: int, target: Version, *, ends: bool) -> Iterator[Finding]:
    for namespace in sorted({p.ref.namespace for p in found}):
        mine = [p for p in found if p.ref.namespace == namespace]
        subject = f"EnvoyFilters of {namespace}"
        verb = "not given" if ends else "given only"
        yield Finding(
            code="UPG-0353",
            severity=Severity.BLOCKED if ends else Severity.ADVISORY,
            subject=subject,
            summary=f"{subject}: {counted(len(mine), 'patch', 'patches')} {verb} to proxies of {target} any more"
            if ends
            else f"{subject}: {counted(len(mine), 'patch', 'patches')} {verb} to proxies of {target}",
            what=tuple(f"{p.field}: proxyVersion {p.versions}" for p in mine[:_SHOWN]),
            why="a filter vanishes with the restart, without an error"
            if ends
            else "pods get it with the restart: nothing was proved with it before",
            do=(
                "add the same patch for the new version beside it, and take the old one away after the run"
                if ends
                else "nothing, if it was written for this hop",
                f"kubectl -n {namespace} edit envoyfilter {mine[0].ref.name}",
            ),
            hop=number,
            allowable=ends,
            objects=tuple(dict.fromkeys(str(p.ref) for p in mine)),
        )


def _unclear(found: Sequence[Patch]) -> Iterator[Finding]:
    for patch in found:
        yield Finding(
            code="UPG-0353",
            severity=Severity.ADVISORY,
            subject=f"{patch.ref}",
            summary=f"{patch.ref}: cannot tell for which proxies it is meant",
            what=(f"{patch.field}: proxyVersion {patch.versions[:80]}",),
            why="its expression is too long, or written in a way that is only understood by istiod",
            do=(f"kubectl -n {patch.ref.namespace} get envoyfilter {patch.ref.name} -o yaml",),
            objects=(str(patch.ref),),
        )
