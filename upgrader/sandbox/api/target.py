"""From a URL path to the resource, object and subresource it means."""

from __future__ import annotations

import msgspec

from upgrader.sandbox.api.kinds.catalogue import Catalogue, Resource
from upgrader.sandbox.errors import no_such_path, no_such_resource, not_found

_KEPT = 4_096
_CUSTOM_PARTS = frozenset({"status", "scale"})
"""Subresources that custom resources may have: of one that has not, the object is said to be missing."""


class Target(msgspec.Struct, frozen=True, gc=False):
    """What a path points at.

    Attributes:
        name: Empty for a collection.
        tail: What follows the subresource, for proxies.
        watch: The path has the old ``/watch/`` prefix.
    """

    resource: Resource
    version: str
    namespace: str
    name: str
    subresource: str
    tail: str = ""
    watch: bool = False

    @property
    def api_version(self) -> str:
        """``apiVersion`` of the objects as this path serves them."""
        return self.resource.api_version(self.version)

    @property
    def everywhere(self) -> bool:
        """A namespaced collection over all namespaces."""
        return self.resource.namespaced and not self.namespace


def parse(catalogue: Catalogue, path: str) -> Target:
    """The target of a path under ``/api`` or ``/apis``; of paths asked for again it is remembered.

    Raises:
        ApiError: 404; plain text when group and version are unknown, a Status when only the resource is.
    """
    known = catalogue.targets
    found = known.get(path)
    if found is None:
        if len(known) >= _KEPT:
            known.clear()
        found = known[path] = _parsed(catalogue, path)
    return found


def _parsed(catalogue: Catalogue, path: str) -> Target:
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        raise no_such_path()
    versions = catalogue.groups().get(group, ())
    if version not in versions:
        custom = any(home[0] == group for home in catalogue.custom)
        raise no_such_resource() if versions and not custom else no_such_path()
    watch = rest[0] == "watch" and len(rest) > 1
    return _locate(catalogue, group, version, rest[1:] if watch else rest, watch=watch)


def _locate(catalogue: Catalogue, group: str, version: str, rest: list[str], *, watch: bool) -> Target:
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and not _of_namespace(group, rest):
        namespace, rest = rest[1], rest[2:]
    resource = catalogue.find(group, version, rest[0])
    if resource is not None and namespace and not resource.namespaced and resource.crd is not None:
        raise no_such_path()
    if resource is None or (namespace and not resource.namespaced):
        raise no_such_resource()
    name = rest[1] if len(rest) > 1 else ""
    if name and resource.namespaced and not namespace:
        raise no_such_resource()
    subresource = rest[2] if len(rest) > 2 else ""
    if subresource and subresource not in resource.subresources:
        known = resource.crd is not None and subresource in _CUSTOM_PARTS
        raise not_found(resource.plural, name, group) if known else no_such_resource()
    return Target(resource, version, namespace, name, subresource, "/".join(rest[3:]), watch)


def _of_namespace(group: str, rest: list[str]) -> bool:
    """``/namespaces/x/status`` is a subresource of the namespace x, not a collection in it."""
    return group == "" and len(rest) == 3 and rest[2] in {"status", "finalize"}
