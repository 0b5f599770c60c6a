from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.model.finding import Finding, Severity
from upgrader.model.ownership import DEFAULT_TAG, DEFAULT_VALIDATOR, default_validator_of, tags_of
from upgrader.model.snapshot import Snapshot
from upgrader.model.version import UNNAMED


def default_validator(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report a mesh whose unlabelled Istio objects nobody checks, or another revision than the default one does."""
    del context
    named = default_validator_of(mesh)
    catches_all = any(v.revision == UNNAMED for v in mesh.validators)
    expected = tags_of(mesh).get(DEFAULT_TAG, frozenset())
    if not named and not catches_all:
        target = next(iter(sorted(expected)), "") or mesh.control_planes[0].revision
        yield Finding(
            code="UPG-0324",
            severity=Severity.ADVISORY,
            subject=DEFAULT_VALIDATOR,
            summary=f"{DEFAULT_VALIDATOR} is missing: Istio objects without a revision label are not validated",
            why="a mistake in such an object is accepted, and shows only as rejected configuration in the proxies",
            do=(f"istioctl tag set {DEFAULT_TAG} --revision {target} --overwrite",),
        )
    elif named and len(expected) == 1 and named not in expected:
        target = next(iter(expected))
        yield Finding(
            code="UPG-0324",
            severity=Severity.ADVISORY,
            subject=DEFAULT_VALIDATOR,
            summary=f"{DEFAULT_VALIDATOR} asks {named}, but tag {DEFAULT_TAG} is {target}",
            why="what one of them accepts the other may not know; the plan moves both together",
            do=(f"istioctl tag set {DEFAULT_TAG} --revision {target} --overwrite",),
            objects=(f"ValidatingWebhookConfiguration {DEFAULT_VALIDATOR}",),
        )
