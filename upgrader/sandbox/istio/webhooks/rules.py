"""Whether a webhook entry is asked about a request: rules, namespaceSelector, objectSelector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from upgrader.sandbox.api.wire import AdmissionCall
from upgrader.sandbox.istio.planes import labels_of
from upgrader.sandbox.selectors import matches
from upgrader.sandbox.store import Obj, Store

GROUP = "admissionregistration.k8s.io"
MUTATING = "mutatingwebhookconfigurations"
VALIDATING = "validatingwebhookconfigurations"


@dataclass(frozen=True, slots=True)
class Entry:
    """One webhook of one configuration."""

    configuration: str
    hook: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The entry's own name, which errors cite."""
        return str(self.hook.get("name", ""))

    @property
    def fails_closed(self) -> bool:
        """True when an unreachable webhook refuses the request; v1 defaults to Fail."""
        return bool(self.hook.get("failurePolicy", "Fail") != "Ignore")


def entries(store: Store, plural: str) -> Iterator[Entry]:
    """Entries of all configurations, in the order the API server asks them: by configuration name."""
    for configuration in store.list(GROUP, plural):
        for hook in configuration.get("webhooks") or []:
            yield Entry(configuration["metadata"]["name"], hook)


def exempt(call: AdmissionCall) -> bool:
    """Webhook configurations are never sent to webhooks, so that a broken one can be repaired."""
    return call.group == GROUP


def concerns(entry: Entry, call: AdmissionCall, obj: Obj | None, store: Store) -> bool:
    """True when the entry must be called for *obj*, the request's object as mutated so far."""
    if not any(_rule_matches(rule, call) for rule in entry.hook.get("rules") or []):
        return False
    return _namespace_matches(entry, call, obj, store) and _object_matches(entry, call, obj)


def _rule_matches(rule: Mapping[str, Any], call: AdmissionCall) -> bool:
    scope = rule.get("scope") or "*"
    namespaced = bool(call.namespace) and call.resource != "namespaces"
    return (
        _listed(rule.get("operations"), call.operation)
        and _listed(rule.get("apiGroups"), call.group)
        and _listed(rule.get("apiVersions"), call.version)
        and any(_resource_matches(str(wanted), call) for wanted in rule.get("resources") or [])
        and (scope == "*" or (scope == "Namespaced") == namespaced)
    )


def _listed(wanted: Any, value: str) -> bool:
    return bool(wanted) and ("*" in wanted or value in wanted)


def _resource_matches(wanted: str, call: AdmissionCall) -> bool:
    resource, _, subresource = wanted.partition("/")
    return resource in ("*", call.resource) and subresource in ("*", call.subresource or "")


def _namespace_matches(entry: Entry, call: AdmissionCall, obj: Obj | None, store: Store) -> bool:
    selector = entry.hook.get("namespaceSelector")
    if not selector:
        return True
    if call.resource == "namespaces" and call.group == "":
        labels = {"kubernetes.io/metadata.name": call.name, **labels_of(obj or call.old)}
    elif call.namespace:
        namespace = store.get(("", "namespaces", "", call.namespace))
        labels = {"kubernetes.io/metadata.name": call.namespace, **labels_of(namespace)}
    else:
        return True
    return matches(selector, labels)


def _object_matches(entry: Entry, call: AdmissionCall, obj: Obj | None) -> bool:
    selector = entry.hook.get("objectSelector")
    if not selector:
        return True
    return any(matches(selector, labels_of(each)) for each in (obj, call.old) if each is not None)
