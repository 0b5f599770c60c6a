"""Whether a webhook entry is asked about a request: rules, namespaceSelector, objectSelector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from upgrader.sandbox.api.wire import AdmissionCall
from upgrader.sandbox.istio.planes import labels_of
from upgrader.sandbox.selectors import matches
from upgrader.sandbox.store import Entry as Stored
from upgrader.sandbox.store import Obj, Store

GROUP = "admissionregistration.k8s.io"
MUTATING = "mutatingwebhookconfigurations"
VALIDATING = "validatingwebhookconfigurations"

_NAME = "kubernetes.io/metadata.name"

Labels = dict[str, str] | None
Sort = tuple[str, str, str, str, str, bool]
"""Operation, group, version, resource, subresource, and whether it is in a namespace."""


class Entry(msgspec.Struct, frozen=True):
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


class Entries:
    """The entries of one kind of configuration, in the order the API server asks them: by configuration name.

    What their rules say of a sort of request is worked out once, until a configuration changes.
    """

    def __init__(self, store: Store, plural: str) -> None:
        self._store = store
        self._plural = plural
        self._seen: Sequence[Stored] = ()
        self._known: dict[Sort, list[Entry]] = {}

    def whose_rules_match(self, call: AdmissionCall) -> Sequence[Entry]:
        """Entries that are asked about such a request, selectors aside."""
        now = self._store.entries(GROUP, self._plural)
        if now is not self._seen:
            self._seen, self._known = now, {}
        namespaced = bool(call.namespace) and call.resource != "namespaces"
        sort = (call.operation, call.group, call.version, call.resource, call.subresource, namespaced)
        found = self._known.get(sort)
        if found is None:
            found = self._known[sort] = list(self._matching(call))
        return found

    def _matching(self, call: AdmissionCall) -> Iterator[Entry]:
        for configuration in self._seen:
            for hook in configuration.obj.get("webhooks") or []:
                exact = hook.get("matchPolicy") == "Exact"
                if any(_rule_matches(rule, call, exact=exact) for rule in hook.get("rules") or []):
                    yield Entry(configuration.obj["metadata"]["name"], hook)


def exempt(call: AdmissionCall) -> bool:
    """Webhook configurations are never sent to webhooks, so that a broken one can be repaired."""
    return call.group == GROUP


def selects(entry: Entry, call: AdmissionCall, obj: Obj | None, namespace: Labels) -> bool:
    """Whether an entry whose rules match must be called for *obj*, the request's object as mutated so far."""
    return _namespace_matches(entry, namespace) and _object_matches(entry, call, obj)


def _rule_matches(rule: Mapping[str, Any], call: AdmissionCall, *, exact: bool) -> bool:
    """Unless it is to match exactly, a rule for one version means the same resource in all others."""
    scope = rule.get("scope") or "*"
    namespaced = bool(call.namespace) and call.resource != "namespaces"
    return (
        _listed(rule.get("operations"), call.operation)
        and _listed(rule.get("apiGroups"), call.group)
        and any(
            _listed(rule.get("apiVersions"), version)
            for version in (call.version, *(() if exact else call.versions))
        )
        and any(_resource_matches(str(wanted), call) for wanted in rule.get("resources") or [])
        and (scope == "*" or (scope == "Namespaced") == namespaced)
    )


def _listed(wanted: Any, value: str) -> bool:
    return bool(wanted) and ("*" in wanted or value in wanted)


def _resource_matches(wanted: str, call: AdmissionCall) -> bool:
    resource, _, subresource = wanted.partition("/")
    return resource in ("*", call.resource) and subresource in ("*", call.subresource or "")


def namespace_labels(call: AdmissionCall, store: Store) -> Labels:
    """Labels that namespace selectors are held against; None when the request is in no namespace and is about none."""
    if call.resource == "namespaces" and call.group == "":
        return {_NAME: call.name, **labels_of(call.obj or call.old)}
    if call.namespace:
        return {_NAME: call.namespace, **labels_of(store.get(("", "namespaces", "", call.namespace)))}
    return None


def _namespace_matches(entry: Entry, labels: Labels) -> bool:
    selector = entry.hook.get("namespaceSelector")
    return not selector or labels is None or matches(selector, labels)


def _object_matches(entry: Entry, call: AdmissionCall, obj: Obj | None) -> bool:
    selector = entry.hook.get("objectSelector")
    if not selector:
        return True
    return any(matches(selector, labels_of(each)) for each in (obj, call.old) if each is not None)
