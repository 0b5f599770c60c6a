"""What a revision tag consists of, made or re-made for another revision. Pure.

Sources: ``istioctl tag set`` and manifests/charts/istio-control/istio-discovery/templates/revision-tags*.yaml, 1.12 to
1.31; the entries of tag ``default`` are those that an installation without a revision has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from upgrader.model.kinds import Obj

REVISION = "istio.io/rev"
TAG = "istio.io/tag"
INJECTION = "istio-injection"
INJECT = "sidecar.istio.io/inject"
ENTRY = "sidecar-injector.istio.io"
DEACTIVATED = {"matchLabels": {"istio.io/deactivated": "never-match"}}
"""The selector with which ``istioctl tag set default`` switches an injector off: no object has that label."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """The revision that a tag is to point at, as its own live objects show it.

    Attributes:
        injector: Its webhook configuration, which has the caBundle.
        service: The Service that leads to it.
        checker: Its own validating configuration; releases before 1.22 have none.
    """

    revision: str
    injector: Obj
    service: Obj
    checker: Obj | None

    @property
    def address(self) -> str:
        """Name of its Service."""
        return str(self.service["metadata"]["name"])

    @property
    def bundle(self) -> str:
        """The caBundle that its webhooks trust; istiod has filled it in."""
        return next(
            (str(w["clientConfig"]["caBundle"]) for w in self._own() if w["clientConfig"].get("caBundle")), ""
        )

    def _own(self) -> Sequence[Obj]:
        return [*(self.injector.get("webhooks") or ()), *((self.checker or {}).get("webhooks") or ())]


def names(configuration: Obj, target: Target) -> bool:
    """Whether a webhook configuration points at the target in all its parts."""
    return label_of(configuration, REVISION) == target.revision and all(
        service_of(w) == target.address for w in configuration.get("webhooks") or ()
    )


def label_of(obj: Obj, label: str) -> str | None:
    """Its value, or None."""
    found: str | None = (obj["metadata"].get("labels") or {}).get(label)
    return found


def service_of(webhook: Obj) -> str:
    """Name of the Service that an entry calls."""
    return str((webhook["clientConfig"].get("service") or {}).get("name", ""))


def trusted(configuration: Obj) -> bool:
    """Whether every entry has a caBundle."""
    return all(w["clientConfig"].get("caBundle") for w in configuration.get("webhooks") or ())


def redirected(configuration: Obj, target: Target, labels: Mapping[str, str | None] | None = None) -> Obj:
    """The merge patch that points a configuration at the target: labels, Service and caBundle in one write.

    Everything else, failurePolicy above all, stays: a merge patch replaces lists whole, so each entry is repeated.
    """
    return {
        "metadata": {"labels": {REVISION: target.revision} | dict(labels or {})},
        "webhooks": [_calling(w, target) for w in configuration.get("webhooks") or ()],
    }


def switched_off(configuration: Obj) -> Obj:
    """The merge patch that makes every entry match nothing."""
    off = {"namespaceSelector": DEACTIVATED, "objectSelector": DEACTIVATED}
    return {"webhooks": [{**w, **off} for w in configuration.get("webhooks") or ()]}


def is_off(configuration: Obj) -> bool:
    """Whether every entry matches nothing."""
    return all(
        w.get("namespaceSelector") == DEACTIVATED or w.get("objectSelector") == DEACTIVATED
        for w in configuration.get("webhooks") or ()
    )


def new_webhook(tag: str, name: str, target: Target, unnamed: Obj | None) -> Obj:
    """The webhook configuration of a tag that does not exist yet.

    Tag ``default`` takes over from the injector *unnamed*: its entries say what it selects, so that nothing more and
    nothing less is injected afterwards.
    """
    own = {str(w["name"]).removesuffix(ENTRY): w for w in target.injector.get("webhooks") or ()}
    model = own.get("rev.namespace.") or next(iter(own.values()))
    selectors = _selectors(tag) | (_taken_over(unnamed) if tag == "default" else {})
    entries = [
        {**own.get(prefix, model), "name": f"{prefix}{ENTRY}", **chosen}
        for prefix, chosen in selectors.items()
    ]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {
            "name": name,
            "labels": {"app": "sidecar-injector", REVISION: target.revision, TAG: tag},
        },
        "webhooks": [_calling(w, target) for w in entries],
    }


def unbound(configuration: Obj) -> Obj:
    """A tag's webhook configuration without the label that makes it one for Gateways."""
    metadata = configuration["metadata"]
    labels = {key: value for key, value in metadata["labels"].items() if key != TAG}
    return {**configuration, "metadata": {**metadata, "labels": labels}}


def new_service(tag: str, name: str, target: Target) -> Obj:
    """The Service ``istiod-revision-tag-TAG``, as 1.28 and later put it beside the webhook."""
    spec = target.service["spec"]
    ports = [{k: v for k, v in port.items() if k != "nodePort"} for port in spec["ports"]]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": target.service["metadata"]["namespace"],
            "labels": {"app": "istiod", REVISION: target.revision, TAG: tag},
        },
        "spec": {"ports": ports, "selector": dict(spec["selector"])},
    }


def joined(service: Obj, tag: str | None, target: Target) -> Obj:
    """The merge patch with which a tag's Service belongs to the tag (None: to none) and leads to the target."""
    wanted: Mapping[str, str] = target.service["spec"]["selector"]
    selector: dict[str, str | None] = dict.fromkeys(service["spec"].get("selector") or {})
    return {
        "metadata": {"labels": {TAG: tag, REVISION: target.revision}},
        "spec": {"selector": selector | dict(wanted)},
    }


def leads_to(service: Obj, target: Target) -> bool:
    """Whether a tag's Service selects the target's pods."""
    return bool(service["spec"].get("selector") == target.service["spec"]["selector"])


def new_validator(name: str, target: Target) -> Obj:
    """The default validator: the target's own one without its selector, so that it sees what no revision claims."""
    assert target.checker is not None
    entries = [
        {k: v for k, v in w.items() if k not in {"objectSelector", "namespaceSelector"}}
        | {"name": "validation.istio.io"}
        for w in (target.checker.get("webhooks") or ())[:1]
    ]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name, "labels": {"app": "istiod", "istio": "istiod", REVISION: target.revision}},
        "webhooks": [_unclaimed(_calling(w, target)) for w in entries],
    }


def _unclaimed(webhook: Obj) -> Obj:
    """Objects that name a revision go to that revision's own validator."""
    return {**webhook, "objectSelector": {"matchExpressions": [_expression(REVISION, "DoesNotExist")]}}


def _calling(webhook: Obj, target: Target) -> Obj:
    client: Mapping[str, Any] = webhook["clientConfig"]
    service = {**(client.get("service") or {}), "name": target.address}
    bundle = {"caBundle": target.bundle} if target.bundle else {}
    return {**webhook, "clientConfig": {**client, "service": service, **bundle}}


def _selectors(tag: str) -> dict[str, Obj]:
    """Entry prefix to selectors; the last two for tag ``default`` only."""
    named, injected = _expression(REVISION, "In", tag), _expression(INJECT, "NotIn", "false")
    no_rev, no_injection = _expression(REVISION, "DoesNotExist"), _expression(INJECTION, "DoesNotExist")
    found = {
        "rev.namespace.": _pair([named, no_injection], [injected]),
        "rev.object.": _pair([no_rev, no_injection], [injected, named]),
    }
    if tag == "default":
        found["namespace."] = _pair([_expression(INJECTION, "In", "enabled")], [injected])
        found["object."] = _pair([no_injection, no_rev], [_expression(INJECT, "In", "true"), no_rev])
    return found


def _taken_over(unnamed: Obj | None) -> dict[str, Obj]:
    """The selectors of an injector without a revision; nothing when there is none or it is off already."""
    if unnamed is None or is_off(unnamed):
        return {}
    return {
        str(w["name"]).removesuffix(ENTRY): {
            k: w[k] for k in ("namespaceSelector", "objectSelector") if k in w
        }
        for w in unnamed.get("webhooks") or ()
        if str(w["name"]).endswith(ENTRY)
    }


def _pair(on_namespace: list[Obj], on_object: list[Obj]) -> Obj:
    return {
        "namespaceSelector": {"matchExpressions": on_namespace},
        "objectSelector": {"matchExpressions": on_object},
    }


def _expression(key: str, operator: str, *values: str) -> Obj:
    return {"key": key, "operator": operator} | ({"values": list(values)} if values else {})
