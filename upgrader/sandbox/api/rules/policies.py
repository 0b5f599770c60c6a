"""Validation of the kinds that rule over others: budgets, autoscalers, webhooks, role bindings, leases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from upgrader.sandbox.api.rules.shape import look, maps
from upgrader.sandbox.errors import Cause, required, unsupported, wrong
from upgrader.sandbox.store import Obj

_OPERATIONS = frozenset({"CREATE", "UPDATE", "DELETE", "CONNECT", "*"})
_PERCENT_WHY = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
    "regex used for validation is '[0-9]+%')"
)
_EFFECTS = ("None", "NoneOnDryRun")


def check_budget(obj: Obj, _: Obj | None) -> Iterator[Cause]:
    """Of minAvailable and maxUnavailable at most one."""
    spec = obj.get("spec") or {}
    if "minAvailable" in spec and "maxUnavailable" in spec:
        names = ("minAvailable", "selector", "maxUnavailable", "unhealthyPodEvictionPolicy")
        shown = {name[0].upper() + name[1:]: spec.get(name) for name in names}
        yield wrong("spec", shown, "minAvailable and maxUnavailable cannot be both set")
    for name in ("minAvailable", "maxUnavailable"):
        value = spec.get(name)
        if isinstance(value, int) and value < 0:
            yield wrong(f"spec.{name}", value, "must be greater than or equal to 0")
        elif isinstance(value, str) and not value.removesuffix("%").isdigit():
            yield wrong(f"spec.{name}", value, _PERCENT_WHY)


def check_autoscaler(obj: Obj, _: Obj | None) -> Iterator[Cause]:
    """A target, and bounds in order."""
    spec = obj.get("spec") or {}
    low, high = spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    for name in ("kind", "name"):
        if not look(spec, "scaleTargetRef", name):
            yield required(f"spec.scaleTargetRef.{name}")
    if high < 1:
        yield wrong("spec.maxReplicas", high, "must be greater than 0")
    if low < 1:
        yield wrong("spec.minReplicas", low, "must be greater than or equal to 1")
    if 0 < high < low:
        yield wrong("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`")


def check_hooks(obj: Obj, _: Obj | None) -> Iterator[Cause]:
    """Every webhook is named, leads somewhere, and says what it does."""
    names: set[str] = set()
    for at, hook in enumerate(maps(obj.get("webhooks"))):
        field, name = f"webhooks[{at}]", str(hook.get("name") or "")
        if not name:
            yield required(f"{field}.name")
        elif len(name.split(".")) < 3:
            yield wrong(
                f"{field}.name", name, "should be a domain with at least three segments separated by dots"
            )
        elif name in names:
            yield Cause(f"{field}.name", "FieldValueDuplicate", f'Duplicate value: "{name}"')
        names.add(name)
        yield from _hook(hook, field)


def _hook(hook: Obj, field: str) -> Iterator[Cause]:
    effects = hook.get("sideEffects")
    if not effects:
        allowed = "must specify one of None, NoneOnDryRun"
        yield required(f"{field}.sideEffects", allowed)
    elif effects not in _EFFECTS:
        yield unsupported(f"{field}.sideEffects", effects, _EFFECTS)
    if not hook.get("admissionReviewVersions"):
        yield required(f"{field}.admissionReviewVersions", "must specify one of v1, v1beta1")
    config = hook.get("clientConfig") or {}
    if bool(config.get("url")) == bool(config.get("service")):
        yield required(f"{field}.clientConfig", "exactly one of url or service is required")
    yield from _url(config.get("url"), f"{field}.clientConfig.url")
    timeout = hook.get("timeoutSeconds", 10)
    if not 1 <= timeout <= 30:
        yield wrong(f"{field}.timeoutSeconds", timeout, "the timeout value must be between 1 and 30 seconds")
    if hook.get("failurePolicy") not in {"Ignore", "Fail"}:
        yield unsupported(f"{field}.failurePolicy", hook.get("failurePolicy"), ("Fail", "Ignore"))
    for at, rule in enumerate(maps(hook.get("rules"))):
        yield from _rule(rule, f"{field}.rules[{at}]")


def _url(url: Any, field: str) -> Iterator[Cause]:
    scheme, apart, _ = str(url or "").partition("://")
    if apart and scheme != "https":
        form = "desired format: https://host[/path]"
        yield wrong(field, scheme, f"'https' is the only allowed URL scheme; {form}")


def _rule(rule: Obj, field: str) -> Iterator[Cause]:
    for name in ("apiGroups", "apiVersions", "resources", "operations"):
        if not rule.get(name):
            yield required(f"{field}.{name}")
    for at, operation in enumerate(rule.get("operations") or ()):
        if operation not in _OPERATIONS:
            yield unsupported(f"{field}.operations[{at}]", operation, sorted(_OPERATIONS))


def check_binding(obj: Obj, old: Obj | None) -> Iterator[Cause]:
    """The role stays; every subject is named, and where the binding has no namespace a service account says its own."""
    if old is not None and obj.get("roleRef") != old.get("roleRef"):
        yield wrong("roleRef", obj.get("roleRef"), "cannot change roleRef")
    if not look(obj, "roleRef", "name"):
        yield required("roleRef.name")
    for at, subject in enumerate(maps(obj.get("subjects"))):
        if not subject.get("name"):
            yield required(f"subjects[{at}].name")
        anywhere = not look(obj, "metadata", "namespace")
        if anywhere and subject.get("kind") == "ServiceAccount" and not subject.get("namespace"):
            yield required(f"subjects[{at}].namespace")


def check_lease(obj: Obj, _: Obj | None) -> Iterator[Cause]:
    """Durations and transitions count upwards."""
    spec: Any = obj.get("spec") or {}
    duration, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if isinstance(duration, int) and duration <= 0:
        yield wrong("spec.leaseDurationSeconds", duration, "must be greater than 0")
    if isinstance(transitions, int) and transitions < 0:
        yield wrong("spec.leaseTransitions", transitions, "must be greater than or equal to 0")
