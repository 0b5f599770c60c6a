from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.network.ends import istiod, istiod_to_come
from upgrader.checks.network.policies import isolating, policies
from upgrader.checks.scope import moving
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot

COMPONENT = "operator.istio.io/component"


def policy_of_one_revision(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report NetworkPolicies that select the running istiod and will not select the next one.

    Those that the chart makes for each revision (1.28 and later, ``global.networkPolicy.enabled``) carry the label of
    its component and come with the new revision.
    """
    known = policies(mesh)
    if len(context.path) < 2 or not known:
        return
    for revision in sorted(moving(mesh, context)):
        plane = mesh.plane(revision)
        if plane is None:
            continue
        old, new = istiod(mesh, plane), istiod_to_come(mesh, plane, context.path[1])
        for policy in known.get(plane.ref.namespace, ()):
            left = [
                d for d in policy.types
                if policy in isolating(known, old, d) and policy not in isolating(known, new, d)
            ]  # fmt: skip
            if left and COMPONENT not in policy.labels:
                yield Finding(
                    code="UPG-0372",
                    severity=Severity.ADVISORY,
                    subject=f"NetworkPolicy {policy.title}",
                    summary=f"NetworkPolicy {policy.title}: selects istiod of revision {revision}, and not the next one",
                    what=(
                        f"its selector: {_selector(policy.selector)}",
                        f"it rules over {' and '.join(left)}",
                    ),
                    why="what it keeps away from the old istiod is not kept away from the new one",
                    do=(
                        f"kubectl -n {policy.namespace} edit networkpolicy/{policy.name}      # select app=istiod",
                    ),
                    hop=1,
                    objects=(f"NetworkPolicy {policy.title}",),
                )


def _selector(selector: dict[str, object]) -> str:
    labels = selector.get("matchLabels")
    told = [f"{k}={v}" for k, v in labels.items()] if isinstance(labels, dict) else []
    return ",".join(told) + (" and expressions" if selector.get("matchExpressions") else "")
