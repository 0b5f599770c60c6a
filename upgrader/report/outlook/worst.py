"""The worst moment of a plan: what those who use the mesh may notice."""

from __future__ import annotations

from upgrader.model.finding import Finding
from upgrader.planning.plan import Plan
from upgrader.report.outlook.classes import about, classes
from upgrader.report.plan.escaping import code, escaped
from upgrader.report.plan.findings import MANY
from upgrader.steps import RestartWorkload

GAPS = ("UPG-0309", "UPG-0317", "UPG-0348")
"""Findings of moments that a user may notice: Recreate, too many at once against a budget, no pod ready at all."""
EXPOSED = ("outage", "unproven")
"""Classes of restarts that a user may notice."""


def worst_moment(plan: Plan) -> str:
    """What users may notice; silence of the checks is not taken for harmlessness."""
    exposed = [r for impact, there in classes(plan.outlook) if impact in EXPOSED for r in there]
    told = {r.name for r in exposed}
    words = [f"`{code(r.name)}` {escaped(about(r).removeprefix(r.name).strip())}" for r in exposed]
    gaps = [f for f in plan.findings if f.code in GAPS and f.subject not in told]
    words += [f"`{code(f.subject)}` {escaped(told_of(f))}" for f in gaps]
    told |= {f.subject for f in gaps}
    words += [
        f"`{code(name)}` has no ready pod while its only one restarts"
        for name in _alone(plan)
        if name not in told
    ]
    rest = "each workload rolls by its own update strategy"
    if not words:
        return f"none is known: {rest}, and no check found one that would serve nothing meanwhile."
    more = f", and {len(words) - MANY} more" if len(words) > MANY else ""
    return f"{'; '.join(words[:MANY])}{more}. Otherwise {rest}."


def _alone(plan: Plan) -> list[str]:
    """StatefulSets of one pod, in a plan of an older release, which says nothing of its restarts."""
    if plan.outlook.restarts:
        return []
    return [
        f"{item.action.ref.namespace}/{item.action.ref.name}"
        for hop in plan.hops[:1]
        for item in hop.items()
        if isinstance(item.action, RestartWorkload)
        and (item.action.ref.kind.kind, item.pods) == ("StatefulSet", 1)
    ]


def told_of(finding: Finding) -> str:
    """The summary without the object that stands beside it."""
    words = finding.summary.removeprefix(f"hop {finding.hop}: ")
    return words.removeprefix(finding.subject).lstrip(": ") or words
