from __future__ import annotations

from collections.abc import Iterator

from upgrader.catalog import SkewRule
from upgrader.checks.context import Context
from upgrader.checks.scope import cni_version, is_ambient, minors, part_version
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot
from upgrader.model.version import Version


def skew(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report a part that exists once per node where istiod is, or a hop makes it, further away than Istio supports.

    Sidecars and gateways are not looked at here: each gets the version of the istiod that injects it.
    """
    plugin = "cni-ambient" if is_ambient(mesh) else "cni"
    for name, part, version in (
        ("istio-cni", plugin, cni_version(mesh)),
        ("ztunnel", "ztunnel", part_version(mesh, "Ztunnel", "ztunnel")),
    ):
        rule = context.catalog.skew.get(part)
        if version is None or rule is None:
            continue
        far = [n for n, istiod in enumerate(context.path) if not _fits(version, istiod, rule)]
        if far:
            yield _finding(name, version, rule, far[0], context)


def _fits(version: Version, istiod: Version, rule: SkewRule) -> bool:
    return -rule.ahead <= version.minors_to(istiod) <= rule.behind


def _finding(name: str, version: Version, rule: SkewRule, number: int, context: Context) -> Finding:
    istiod = context.path[number]
    distance = version.minors_to(istiod)
    side = f"{minors(distance)} behind" if distance > 0 else f"{minors(-distance)} ahead of"
    when = f"after hop {number} it would be" if number else "it is"
    best = istiod.series if not number else f"{context.path[number - 1].series}, then by hops up to"
    stop = f"stop before it: upgrade plan --to {context.path[number - 1].series}" if number > 1 else ""
    ahead = f"{minors(rule.ahead)} newer" if rule.ahead else "none newer"
    first = (
        f"move {name} to {best} by its own installer"
        if not number
        else f"move {name} to {context.path[number - 1].series} by its own installer before hop {number}"
    )
    return Finding(
        code="UPG-0115",
        severity=Severity.BLOCKED,
        subject=name,
        summary=f"{name}: {when} {side} istiod ({version} and {istiod})",
        what=(f"Istio supports {name} up to {minors(rule.behind)} older than istiod and {ahead}",),
        why=f"{rule.source[0]}, read {rule.seen}",
        do=tuple(one for one in (first, stop) if one),
        hop=number,
        allowable=True,
    )
