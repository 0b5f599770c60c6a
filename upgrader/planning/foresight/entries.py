"""Which pods the webhooks of a revision or a tag will select, before there are any."""

from __future__ import annotations

from upgrader.model.injection import INJECT, INJECTION
from upgrader.model.injection import REVISION as REV
from upgrader.model.kinds import Obj
from upgrader.model.snapshot import WebhookEntry


def _matching(key: str, operator: str, *values: str) -> Obj:
    expression: Obj = {"key": key, "operator": operator}
    return expression | ({"values": list(values)} if values else {})


def entries_for(name: str, service: str, *, default: bool) -> tuple[WebhookEntry, ...]:
    """The webhook entries of a revision or tag *name* (``istio-discovery`` chart, mutatingwebhook.yaml, 1.12 to 1.31)."""
    not_refused = _matching(INJECT, "NotIn", "false")
    no_rev, no_injection = _matching(REV, "DoesNotExist"), _matching(INJECTION, "DoesNotExist")
    selectors = {
        "rev.namespace.": ([_matching(REV, "In", name), no_injection], [not_refused]),
        "rev.object.": ([no_rev, no_injection], [not_refused, _matching(REV, "In", name)]),
    }
    if default:
        selectors["namespace."] = ([_matching(INJECTION, "In", "enabled")], [not_refused])
        selectors["object."] = ([no_injection, no_rev], [_matching(INJECT, "In", "true"), no_rev])
    return tuple(
        WebhookEntry(
            name=f"{prefix}sidecar-injector.istio.io",
            service=service,
            ca=True,
            failure_policy="Fail",
            namespace_selector={"matchExpressions": on_namespace},
            object_selector={"matchExpressions": on_object},
            resources=("/v1/pods",),
        )
        for prefix, (on_namespace, on_object) in selectors.items()
    )
