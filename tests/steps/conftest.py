"""A shelf of objects with the server's rules that steps rely on: uids, versions, preconditions, merge patches.

``test_shelf.py`` asks the same questions of it and of the sandbox.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import pytest

from upgrader.model.change import ApiChange, Apply, Change, Create, Delete, Patch, Replace, Save
from upgrader.model.failures import Conflict
from upgrader.model.injection import label_selector_matches
from upgrader.model.kinds import (
    DEPLOYMENT,
    MUTATING_WEBHOOK,
    NAMESPACE,
    SERVICE,
    VALIDATING_WEBHOOK,
    Kind,
    Obj,
    Ref,
)


class Shelf:
    """A reader that can also be written to.

    Attributes:
        files: Of the run directory.
        sent: Every change performed.
        served: What discovery says.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.sent: list[Change] = []
        self.served: list[Kind] = []
        self._objects: dict[Ref, Obj] = {}
        self._count = count(1)

    def get(self, ref: Ref) -> Obj | None:
        return copy.deepcopy(self._objects.get(ref))

    def list(self, kind: Kind, *, namespace: str = "", labels: str = "") -> Sequence[Obj]:
        return [
            copy.deepcopy(obj)
            for ref, obj in sorted(self._objects.items())
            if ref.kind == kind and namespace in {"", ref.namespace} and _selected(obj, labels)
        ]

    def kinds(self) -> Sequence[Kind]:
        return [*self.served]

    def rehearse(self, change: ApiChange) -> Obj | None:
        raise AssertionError(f"no step rehearses: {change}")

    def fetch(self, pod: Ref, port: int, path: str) -> str:
        raise AssertionError(f"no step asks pods: {pod} {port} {path}")

    def forward(self, pod: Ref, port: int, path: str) -> tuple[int, bytes]:
        raise AssertionError(f"no step asks pods: {pod} {port} {path}")

    def saved(self, path: str) -> bytes | None:
        return self.files.get(path)

    def put(self, ref: Ref, **body: Any) -> Obj:
        """Make an object, or a namesake of the one that is there."""
        metadata = {"labels": {}, **body.pop("metadata", {})}
        metadata |= {"name": ref.name, "uid": f"uid-{next(self._count)}", "generation": 1}
        metadata |= {"namespace": ref.namespace} if ref.namespace else {}
        self._store(
            ref, {"apiVersion": ref.kind.api_version, "kind": ref.kind.kind, "metadata": metadata, **body}
        )
        return self.found(ref)

    def edit(self, ref: Ref, body: Obj) -> None:
        """Somebody else's merge patch."""
        self._store(ref, _merged(self._objects[ref], body))

    def drop(self, ref: Ref) -> None:
        """Somebody else's delete."""
        del self._objects[ref]

    def found(self, ref: Ref) -> Obj:
        """The object, which must be there."""
        obj = self.get(ref)
        assert obj is not None, ref
        return obj

    def perform(self, change: Change) -> None:
        """As the server: preconditions first."""
        self.sent.append(change)
        match change:
            case Save():
                self.files[change.path] = change.text.encode()
            case Create() | Apply():
                self._create_or_apply(change)
            case Patch() | Replace():
                metadata = self._checked(change.ref, change.uid)["metadata"]
                if metadata["resourceVersion"] != change.version:
                    raise Conflict(f"{change.ref} was written since")
                if isinstance(change, Patch):
                    self.edit(change.ref, change.body)
                else:
                    kept = {k: metadata[k] for k in ("uid", "generation")}
                    whole = {**change.manifest, "metadata": {**change.manifest["metadata"], **kept}}
                    self._store(change.ref, whole)
            case Delete():
                if change.ref in self._objects:
                    self._checked(change.ref, change.uid)
                    self.drop(change.ref)

    def carry_out(self, step: Any, rounds: int = 10) -> int:
        """Observe, diff, send until nothing is missing; how many changes that took."""
        before = len(self.sent)
        for _ in range(rounds):
            changes = step.diff(step.observe(self))
            if not changes:
                return len(self.sent) - before
            for change in changes:
                try:
                    self.perform(change)
                except Conflict:
                    break
        raise AssertionError("it never ends")

    def state(self) -> dict[str, Obj]:
        """Everything there is, without versions and without empty labels."""
        found = copy.deepcopy(self._objects)
        for obj in found.values():
            for key in ("resourceVersion", "generation", "uid"):
                obj["metadata"].pop(key, None)
            if not obj["metadata"].get("labels"):
                obj["metadata"].pop("labels", None)
        return {str(ref): obj for ref, obj in sorted(found.items())}

    def copied(self) -> Shelf:
        """Another shelf with the same objects."""
        other = Shelf()
        other.files, other.served = dict(self.files), [*self.served]
        other._objects = copy.deepcopy(self._objects)
        other._count = count(1000)
        return other

    def _checked(self, ref: Ref, uid: str) -> Obj:
        obj = self._objects.get(ref)
        if obj is None or obj["metadata"]["uid"] != uid:
            raise Conflict(f"{ref} is not the object that was seen")
        return obj

    def _create_or_apply(self, change: Create | Apply) -> None:
        if change.ref not in self._objects:
            body = copy.deepcopy(change.manifest)
            metadata = body.pop("metadata")
            self.put(
                change.ref,
                metadata=metadata,
                **{k: v for k, v in body.items() if k not in {"apiVersion", "kind"}},
            )
        elif isinstance(change, Create):
            raise Conflict(f"{change.ref} exists", reason="AlreadyExists")
        else:
            self.edit(change.ref, change.manifest)

    def _store(self, ref: Ref, obj: Obj) -> None:
        obj["metadata"]["resourceVersion"] = str(next(self._count))
        self._objects[ref] = obj


def _merged(old: Any, new: Any) -> Any:
    """RFC 7386."""
    if not isinstance(new, dict):
        return copy.deepcopy(new)
    result = dict(old) if isinstance(old, dict) else {}
    for key, value in new.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result


def _selected(obj: Obj, labels: str) -> bool:
    have = obj["metadata"].get("labels") or {}
    return all(_holds(part, have) for part in _parts(labels))


def _parts(labels: str) -> Iterator[str]:
    depth, part = 0, ""
    for sign in labels:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and not depth:
            yield part
            part = ""
        else:
            part += sign
    if part:
        yield part


def _holds(part: str, have: dict[str, str]) -> bool:
    if " in (" in part:
        key, _, values = part.partition(" in (")
        return have.get(key) in values.rstrip(")").split(",")
    if part.startswith("!"):
        return part[1:] not in have
    key, equals, value = part.partition("=")
    return have.get(key) == value if equals else key in have


OLD, NEW = "1-27-9", "1-28-10"
ROOT = "istio-system"


class Planes:
    """Two control planes on a shelf: what a tag move looks at."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    def plane(self, revision: str, replicas: int = 1) -> None:
        """The objects of an installed revision, its webhooks filled in."""
        suffix = "" if revision == "default" else f"-{revision}"
        pods = {"app": "istiod", **({"istio.io/rev": revision} if suffix else {"istio": "pilot"})}
        labels = {"app": "istiod", "istio.io/rev": revision}
        self.shelf.put(
            Ref(DEPLOYMENT, f"istiod{suffix}", ROOT),
            metadata={"labels": labels},
            spec={"replicas": replicas, "selector": {"matchLabels": pods}},
            status={"observedGeneration": 1},
        )
        self.shelf.put(
            Ref(SERVICE, f"istiod{suffix}", ROOT),
            metadata={"labels": labels},
            spec={"ports": [{"name": "https-webhook", "port": 443}], "selector": pods},
        )
        self.shelf.put(
            Ref(MUTATING_WEBHOOK, f"istio-sidecar-injector{suffix}"),
            metadata={"labels": {"app": "sidecar-injector", "istio.io/rev": revision}},
            webhooks=entries(revision, f"istiod{suffix}", default=not suffix),
        )
        rule = entry(
            "rev.validation.istio.io", f"istiod{suffix}", {}, {"matchLabels": {"istio.io/rev": revision}}
        )
        self.shelf.put(
            Ref(VALIDATING_WEBHOOK, f"istio-validator{suffix}-{ROOT}"),
            metadata={"labels": {"app": "istiod", "istio.io/rev": revision}},
            webhooks=[rule],
        )

    def tag(self, tag: str, revision: str, *, service: bool = True) -> None:
        """A tag as ``istioctl tag set`` leaves it."""
        suffix = "" if revision == "default" else f"-{revision}"
        labels = {"istio.io/rev": revision, "istio.io/tag": tag}
        self.shelf.put(
            Ref(MUTATING_WEBHOOK, f"istio-revision-tag-{tag}"),
            metadata={"labels": {"app": "sidecar-injector", **labels}},
            webhooks=entries(tag, f"istiod{suffix}", default=tag == "default"),
        )
        if service:
            like = self.shelf.found(Ref(SERVICE, f"istiod{suffix}", ROOT))["spec"]
            self.shelf.put(
                Ref(SERVICE, f"istiod-revision-tag-{tag}", ROOT),
                metadata={"labels": {"app": "istiod", **labels}},
                spec={**like, "clusterIP": "10.0.0.9"},
            )
        if tag == "default":
            self.validator(revision)

    def validator(self, revision: str) -> None:
        """The default validator."""
        suffix = "" if revision == "default" else f"-{revision}"
        self.shelf.put(
            Ref(VALIDATING_WEBHOOK, "istiod-default-validator"),
            metadata={"labels": {"app": "istiod", "istio.io/rev": revision}},
            webhooks=[entry("validation.istio.io", f"istiod{suffix}", {}, {})],
        )

    def tag_revisions(self, tag: str) -> set[str]:
        """Every revision that an object of the tag names now."""
        objects = [*self.shelf.list(MUTATING_WEBHOOK), *self.shelf.list(SERVICE)]
        labels = [o["metadata"]["labels"] for o in objects]
        return {each["istio.io/rev"] for each in labels if each.get("istio.io/tag") == tag}

    def injected_by(self, ns_labels: dict[str, str], pod_labels: dict[str, str] | None = None) -> list[str]:
        """Revisions that a new pod would be sent to, in the order of the calls."""
        found = []
        for webhook in sorted(self.shelf.list(MUTATING_WEBHOOK), key=lambda w: str(w["metadata"]["name"])):
            for one in webhook["webhooks"]:
                if label_selector_matches(one["namespaceSelector"], ns_labels) and label_selector_matches(
                    one["objectSelector"], pod_labels or {}
                ):
                    assert one["clientConfig"]["caBundle"], "it would be called and not be trusted"
                    assert one["failurePolicy"] == "Fail"
                    service = self.shelf.found(Ref(SERVICE, one["clientConfig"]["service"]["name"], ROOT))
                    found.append(str(service["metadata"]["labels"]["istio.io/rev"]))
        return found


def entry(name: str, service: str, on_namespace: Obj, on_object: Obj) -> Obj:
    client = {"service": {"name": service, "namespace": ROOT, "path": "/inject"}, "caBundle": "cm9vdA=="}
    selectors = {"namespaceSelector": on_namespace, "objectSelector": on_object}
    return {"name": name, "clientConfig": client, "failurePolicy": "Fail", "sideEffects": "None", **selectors}


def entries(key: str, service: str, *, default: bool) -> list[Obj]:
    named: Obj = {"key": "istio.io/rev", "operator": "In", "values": [key]}
    free: list[Obj] = [
        {"key": "istio.io/rev", "operator": "DoesNotExist"},
        {"key": "istio-injection", "operator": "DoesNotExist"},
    ]
    wanted: Obj = {"key": "sidecar.istio.io/inject", "operator": "NotIn", "values": ["false"]}
    forms = {"rev.namespace.": ([named, free[1]], [wanted]), "rev.object.": (free, [wanted, named])}
    if default:
        forms["namespace."] = (
            [{"key": "istio-injection", "operator": "In", "values": ["enabled"]}],
            [wanted],
        )
        asked: Obj = {"key": "sidecar.istio.io/inject", "operator": "In", "values": ["true"]}
        forms["object."] = (free, [asked, free[0]])
    return [
        entry(f"{prefix}sidecar-injector.istio.io", service, {"matchExpressions": a}, {"matchExpressions": b})
        for prefix, (a, b) in forms.items()
    ]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def planes(shelf: Shelf) -> Planes:
    made = Planes(shelf)
    made.plane(OLD)
    made.plane(NEW)
    shelf.put(Ref(NAMESPACE, ROOT))
    return made
