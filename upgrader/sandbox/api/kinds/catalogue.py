"""Which resources are served, by Kubernetes minor; custom resources join at run time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from upgrader.sandbox.api.kinds.table import TABLE
from upgrader.sandbox.store import Key, Obj

_GROUP_ORDER = (
    "", "apps", "batch", "autoscaling", "policy", "rbac.authorization.k8s.io", "networking.k8s.io",
    "coordination.k8s.io", "admissionregistration.k8s.io", "apiextensions.k8s.io", "discovery.k8s.io",
    "events.k8s.io", "authorization.k8s.io", "authentication.k8s.io", "storage.k8s.io", "scheduling.k8s.io",
    "apiregistration.k8s.io", "certificates.k8s.io", "node.k8s.io", "extensions",
)  # fmt: skip

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_CATEGORIES = {"all": "all", "ext": "api-extensions"}
FIELD_VALIDATION_SINCE = 25
"""The first minor whose server, not kubectl, tells of unknown fields."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource as it is served.

    Attributes:
        versions: Served versions, the preferred first.
        hub: The version objects are stored in.
        home: (group, plural) it is stored under; differs from (group, plural) where two groups share objects.
        generation: metadata.generation follows changes of the specification.
        crd: Specification of the CustomResourceDefinition; None for built-in resources.
    """

    group: str
    plural: str
    kind: str
    namespaced: bool
    versions: tuple[str, ...]
    hub: str
    home: tuple[str, str]
    singular: str = ""
    list_kind: str = ""
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: frozenset[str] = frozenset()
    verbs: tuple[str, ...] = ALL_VERBS
    generation: bool = False
    fields: tuple[str, ...] = ()
    crd: Obj | None = None

    def key(self, namespace: str, name: str) -> Key:
        """Where an object of this resource is stored."""
        return (self.home[0], self.home[1], namespace if self.namespaced else "", name)

    def api_version(self, version: str) -> str:
        """``apiVersion`` of objects served in version."""
        return f"{self.group}/{version}" if self.group else version

    @property
    def has_status(self) -> bool:
        """Whether status is written through its own subresource."""
        return "status" in self.subresources


def singular_of(kind: str) -> str:
    """The singular resource name of a kind."""
    return kind.lower()


def minor_of(kubernetes: str) -> int:
    """34 for ``1.34``, ``v1.34.4`` and the like.

    Raises:
        ValueError: not a version of Kubernetes 1.
    """
    found = re.fullmatch(r"v?1\.(\d+)(?:\..*)?", kubernetes)
    if found is None:
        raise ValueError(f"not a Kubernetes version: {kubernetes}")
    return int(found[1])


def _served(spec: str, minor: int) -> str | None:
    """``v1beta1@19-24`` is v1beta1 for the minors 19 to 24."""
    version, _, span = spec.partition("@")
    if not span:
        return version
    first, _, last = span.partition("-")
    return version if int(first or 0) <= minor <= int(last or 999) else None


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.split(",") if word and word != "-")


def _build(line: str, minor: int) -> Resource | None:
    group, versions, plural, kind, scope, short, subresources, flags = line.split()
    group = "" if group == "-" else group
    served = tuple(v for v in (_served(spec, minor) for spec in versions.split(",")) if v is not None)
    if not served:
        return None
    options: dict[str, str] = dict(word.partition("=")[::2] for word in _words(flags.replace(";", ",")))
    home = options.get("home", f"{group}/{plural}").split("/")
    return Resource(
        group=group,
        plural=plural,
        kind=kind,
        namespaced=scope == "N",
        versions=served,
        hub=options.get("hub", versions.split(",")[0].partition("@")[0]),
        home=(home[0], home[1]),
        singular=singular_of(kind),
        list_kind=f"{kind}List",
        short=_words(short),
        categories=tuple(_CATEGORIES[word] for word in options if word in _CATEGORIES),
        subresources=frozenset(_words(subresources)),
        verbs=("create",) if "review" in options else ALL_VERBS,
        generation="gen" in options or minor >= int(options.get("genfrom", minor + 1)),
        fields=tuple(options.get("fields", "").split("+")) if options.get("fields") else (),
    )


@dataclass
class Catalogue:
    """The resources one API server serves.

    Attributes:
        minor: Kubernetes minor, 34 for 1.34.
        custom: Resources of established CustomResourceDefinitions by (group, plural).
        edition: Grows with every change, so that answers made from the catalogue can be cached.
        targets: What paths led to in this edition; ``api.target`` fills it.
    """

    minor: int
    edition: int = 0
    builtin: dict[tuple[str, str], Resource] = field(default_factory=dict)
    custom: dict[tuple[str, str], Resource] = field(default_factory=dict)
    targets: dict[str, Any] = field(default_factory=dict)
    _groups: tuple[int, Mapping[str, tuple[str, ...]]] | None = None

    def __post_init__(self) -> None:
        for line in filter(str.strip, TABLE.splitlines()):
            found = _build(line, self.minor)
            if found is not None:
                self.builtin[found.group, found.plural] = found

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """The resource served at this group, version and plural."""
        found = self.builtin.get((group, plural)) or self.custom.get((group, plural))
        return found if found is not None and version in found.versions else None

    def by_kind(self, group: str, kind: str) -> Resource | None:
        """The resource whose objects are of this kind."""
        return next((r for r in self if r.group == group and r.kind == kind), None)

    def __iter__(self) -> Iterator[Resource]:
        yield from self.builtin.values()
        yield from self.custom.values()

    def put(self, resource: Resource) -> None:
        """Serve a custom resource, or serve it otherwise than before."""
        self.custom[resource.group, resource.plural] = resource
        self._turn()

    def drop(self, group: str, plural: str) -> None:
        """Stop serving a custom resource."""
        if self.custom.pop((group, plural), None) is not None:
            self._turn()

    def _turn(self) -> None:
        self.edition += 1
        self.targets.clear()

    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Served versions by group, the preferred first; groups in the order discovery lists them."""
        if self._groups is None or self._groups[0] != self.edition:
            self._groups = (self.edition, self._by_group())
        return self._groups[1]

    def _by_group(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for resource in self:
            versions = found.setdefault(resource.group, [])
            versions.extend(v for v in resource.versions if v not in versions)
        ranked = sorted(found, key=lambda g: (_GROUP_ORDER.index(g) if g in _GROUP_ORDER else 99, g))
        return {group: tuple(sorted(found[group], key=version_rank)) for group in ranked}


def version_rank(version: str) -> tuple[int, int, int, str]:
    """Sort key that puts v2 before v1 before v1beta2 before v1alpha1, as discovery prefers them."""
    found = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if found is None:
        return (9, 0, 0, version)
    stage = {"": 0, "beta": 1, "alpha": 2}[found[2] or ""]
    return (stage, -int(found[1]), -int(found[3] or 0), version)
