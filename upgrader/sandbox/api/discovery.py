"""What the API server says it serves: groups, versions and resources, one by one and all at once."""

from __future__ import annotations

import weakref
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import NamedTuple

import orjson

from upgrader.sandbox.api.backend import Backend
from upgrader.sandbox.api.kinds.catalogue import Catalogue, Resource
from upgrader.sandbox.api.wire import JSON, Request, Response
from upgrader.sandbox.errors import method_not_allowed, no_such_path
from upgrader.sandbox.store import Obj

_AGGREGATED_SINCE = {"v2beta1": 26, "v2": 30}
_NO_NULL_TIME_SINCE = 34
_KEPT = 16
_ADDRESSES = [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:6443"}]


class Subresource(NamedTuple):
    """How a subresource is announced; an empty kind is the kind of the resource, ``*`` stands for it in a name."""

    verbs: tuple[str, ...]
    kind: str = ""
    group: str = ""
    version: str = ""


_CHANGE = ("get", "patch", "update")
_STORED = {"customresourcedefinitions": "v1beta1"}
"""Versions by which the hash tells where they are others than those stored."""
_CUSTOM_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
_STREAM = ("create", "get")
_PROXY = ("create", "delete", "get", "patch", "update")
_SUBRESOURCES = {
    "status": Subresource(_CHANGE),
    "scale": Subresource(_CHANGE, "Scale", "autoscaling", "v1"),
    "approval": Subresource(_CHANGE),
    "ephemeralcontainers": Subresource(_CHANGE),
    "finalize": Subresource(("update",)),
    "log": Subresource(("get",)),
    "attach": Subresource(_STREAM, "PodAttachOptions"),
    "exec": Subresource(_STREAM, "PodExecOptions"),
    "portforward": Subresource(_STREAM, "PodPortForwardOptions"),
    "proxy": Subresource(_PROXY, "*ProxyOptions"),
    "binding": Subresource(("create",), "Binding"),
    "token": Subresource(("create",), "TokenRequest", "authentication.k8s.io", "v1"),
    "eviction": Subresource(("create",), "Eviction", "policy", "v1"),
}

_documents: OrderedDict[int, tuple[weakref.ref[Catalogue], int, dict[str, bytes]]] = OrderedDict()


def remembered(catalogue: Catalogue, name: str, make: Callable[[], bytes]) -> bytes:
    """The document of that name for the catalogue as it is now; made once per edition."""
    known = _documents.get(id(catalogue))
    if known is None or known[0]() is not catalogue or known[1] != catalogue.edition:
        known = (weakref.ref(catalogue), catalogue.edition, {})
        _documents[id(catalogue)] = known
        while len(_documents) > _KEPT:
            _documents.popitem(last=False)
    found = known[2].get(name)
    if found is None:
        found = known[2][name] = make()
    return found


def discovery(backend: Backend, request: Request) -> Response | None:
    """The answer to a discovery path; None when the path is none.

    Raises:
        ApiError: 404 for groups and versions that are not served, 405 for writes.
    """
    parts = request.path.strip("/").split("/")
    if parts[0] not in {"api", "apis"} or len(parts) > (2 if parts[0] == "api" else 3):
        return None
    if request.method not in {"GET", "HEAD"}:
        raise method_not_allowed()
    catalogue = backend.catalogue
    version = _aggregated(request.header("Accept"), catalogue.minor) if len(parts) == 1 else ""
    body = remembered(catalogue, f"{version}/{'/'.join(parts)}", lambda: _document(catalogue, parts, version))
    media = f"{JSON};g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList" if version else JSON
    return Response(200, {"Content-Type": media, "Vary": "Accept"}, body)


def _aggregated(accept: str, minor: int) -> str:
    """The first version of aggregated discovery among the accepted ones that this minor has; empty for none."""
    for clause in accept.split(","):
        media, *rest = [part.strip() for part in clause.split(";")]
        options = dict(part.partition("=")[::2] for part in rest)
        if options.get("as") == "APIGroupDiscoveryList":
            since = _AGGREGATED_SINCE.get(options.get("v", ""))
            if since is not None and since <= minor:
                return options["v"]
        elif media in {JSON, "*/*"} and not options.get("as"):
            return ""
    return ""


def _document(catalogue: Catalogue, parts: list[str], aggregated: str) -> bytes:
    return orjson.dumps(_answer(catalogue, parts, aggregated))


def _answer(catalogue: Catalogue, parts: list[str], aggregated: str) -> Obj:
    core = parts[0] == "api"
    if aggregated:
        return _everything(catalogue, aggregated, core=core)
    if len(parts) == 1:
        return _core_versions() if core else _groups(catalogue)
    group, version = ("", parts[1]) if core else (parts[1], parts[2] if len(parts) > 2 else "")
    versions = catalogue.groups().get(group, ())
    if not versions or (version and version not in versions):
        raise no_such_path()
    if not version:
        return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, versions)}
    return _resources(catalogue, group, version)


def _core_versions() -> Obj:
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": _ADDRESSES}


def _groups(catalogue: Catalogue) -> Obj:
    found = [_group(group, versions) for group, versions in catalogue.groups().items() if group]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": found}


def _group(group: str, versions: tuple[str, ...]) -> Obj:
    listed = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {"name": group, "versions": listed, "preferredVersion": listed[0]}


def _served(catalogue: Catalogue, group: str, version: str) -> list[Resource]:
    found = [resource for resource in catalogue if resource.group == group and version in resource.versions]
    return sorted(found, key=lambda resource: resource.plural)


def _verbs(resource: Resource) -> list[str]:
    """Namespaces cannot be deleted all at once; custom resources tell their verbs in an order of their own."""
    if resource.crd is not None:
        return [verb for verb in _CUSTOM_VERBS if verb in resource.verbs]
    return [verb for verb in resource.verbs if (verb, resource.plural) != ("deletecollection", "namespaces")]


def _resources(catalogue: Catalogue, group: str, version: str) -> Obj:
    found: list[Obj] = []
    for resource in _served(catalogue, group, version):
        found.append(_resource(resource))
        found.extend(
            _inner(resource, version, name, sub) for name, sub in _parts_of(resource, catalogue.minor)
        )
    whole = f"{group}/{version}" if group else version
    named = {"kind": "APIResourceList", "apiVersion": "v1"} if group else {"kind": "APIResourceList"}
    return {**named, "groupVersion": whole, "resources": found}


def _resource(resource: Resource) -> Obj:
    found: Obj = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": _verbs(resource),
    }
    return found | _names(resource) | _stored(resource)


def _stored(resource: Resource) -> Obj:
    """By which clients see that a resource is stored in another version than before."""
    if "get" not in resource.verbs:
        return {}
    word = "/".join((resource.group, _STORED.get(resource.plural, resource.hub), resource.kind))
    return {"storageVersionHash": b64encode(sha256(word.encode()).digest()[:8]).decode()}


def _names(resource: Resource) -> Obj:
    found: Obj = {}
    if resource.short:
        found["shortNames"] = list(resource.short)
    if resource.categories:
        found["categories"] = list(resource.categories)
    return found


def _parts_of(resource: Resource, minor: int) -> Iterator[tuple[str, Subresource]]:
    """Subresources by name; evictions were served in v1beta1 only before Kubernetes 1.22."""
    for name in sorted(resource.subresources):
        sub = _SUBRESOURCES.get(name, Subresource(_CHANGE))
        if name == "eviction" and minor < 22:
            sub = sub._replace(version="v1beta1")
        yield name, sub._replace(kind=sub.kind.replace("*", resource.kind) or resource.kind)


def _inner(resource: Resource, version: str, name: str, sub: Subresource) -> Obj:
    found: Obj = {
        "name": f"{resource.plural}/{name}",
        "singularName": "",
        "namespaced": resource.namespaced,
        "kind": sub.kind,
        "verbs": list(sub.verbs),
    }
    if sub.version and (sub.group, sub.version) != (resource.group, version):
        found |= {"group": sub.group, "version": sub.version}
    return found


def _everything(catalogue: Catalogue, aggregated: str, *, core: bool) -> Obj:
    items = []
    for group, versions in catalogue.groups().items():
        if core == (group == ""):
            listed = [_version(catalogue, group, version) for version in versions]
            meta: Obj = {"name": group} if group else {}
            if catalogue.minor < _NO_NULL_TIME_SINCE:
                meta["creationTimestamp"] = None
            items.append({"metadata": meta, "versions": listed})
    api_version = f"apidiscovery.k8s.io/{aggregated}"
    return {"kind": "APIGroupDiscoveryList", "apiVersion": api_version, "metadata": {}, "items": items}


def _version(catalogue: Catalogue, group: str, version: str) -> Obj:
    found = []
    for resource in _served(catalogue, group, version):
        one: Obj = {
            "resource": resource.plural,
            "responseKind": _kind(resource, group, version, resource.kind),
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "singularResource": resource.singular,
            "verbs": _verbs(resource),
            **_names(resource),
        }
        inner = [_inner_discovery(resource, version, *part) for part in _parts_of(resource, catalogue.minor)]
        if inner:
            one["subresources"] = inner
        found.append(one)
    return {"version": version, "resources": found, "freshness": "Current"}


def _kind(resource: Resource, group: str, version: str, kind: str) -> Obj:
    """Built-in kinds of the group itself are named without it."""
    if resource.crd is None:
        group = version = ""
    return {"group": group, "version": version, "kind": kind}


def _inner_discovery(resource: Resource, version: str, name: str, sub: Subresource) -> Obj:
    if sub.version:
        kind = {"group": sub.group, "version": sub.version, "kind": sub.kind}
    else:
        kind = _kind(resource, resource.group, version, sub.kind)
    return {"subresource": name, "responseKind": kind, "verbs": list(sub.verbs)}
