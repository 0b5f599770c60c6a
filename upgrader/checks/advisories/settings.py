"""Settings of the mesh as patterns look at them: environment, mesh configuration, and values of an installation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from upgrader.checks.documents import dug
from upgrader.model.kinds import Obj, Ref
from upgrader.model.snapshot import Snapshot, Workload
from upgrader.model.version import revision_suffix

PROXY_CONFIG = "proxy.istio.io/config"
CNI_NAMES = frozenset({"istio-cni-node", "istio-cni-config"})


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One object as patterns look at it.

    Attributes:
        of: What a finding names: a place, or words.
        labels: What a selector asks.
        body: What a path begins at.
        inside: What stands before a place in it: ``env `` or ``defaultConfig.proxyMetadata.``.
        workload: Of a pod template.
    """

    of: Ref | str
    name: str = ""
    namespace: str = ""
    labels: Mapping[str, str] = {}
    body: Any = None
    inside: str = ""
    workload: Workload | None = None

    @property
    def title(self) -> str:
        """``VirtualService shop/cart``."""
        return str(self.of)


View = Callable[[Snapshot, frozenset[str]], Iterator[Seen]]
"""Takes the revisions that the plan leaves."""


def istiod_env(mesh: Snapshot, revisions: frozenset[str]) -> Iterator[Seen]:
    """Environment of istiod."""
    for plane in mesh.control_planes:
        if plane.revision in revisions:
            yield seen(str(plane.ref), plane.ref.name, plane.ref.namespace, plane.env, inside="env ")


def mesh_config(mesh: Snapshot, revisions: frozenset[str]) -> Iterator[Seen]:
    """The mesh configuration of each revision."""
    for revision, body in sorted(mesh.mesh_configs.items()):
        if revision in revisions:
            yield _config_map(mesh, "istio", revision, body)


def injector_values(mesh: Snapshot, revisions: frozenset[str]) -> Iterator[Seen]:
    """What the injector's templates are filled with."""
    for revision, body in sorted(mesh.injector_values.items()):
        if revision in revisions:
            yield _config_map(mesh, "istio-sidecar-injector", revision, body)


def install_values(mesh: Snapshot, revisions: frozenset[str]) -> Iterator[Seen]:
    """What somebody set when it was installed."""
    for revision, body in sorted(mesh.install_values.items()):
        if revision in revisions:
            yield seen(f"values of revision {revision}", revision, mesh.root_namespace, body)


def proxy_env(mesh: Snapshot, revisions: frozenset[str]) -> Iterator[Seen]:
    """Environment of proxies: mesh configuration, ProxyConfig objects, annotations and containers of pod templates."""
    for config in mesh_config(mesh, revisions):
        metadata = inner(config.body, "defaultConfig", "proxyMetadata")
        yield seen(
            config.title, config.name, config.namespace, metadata, inside="defaultConfig.proxyMetadata."
        )
    for resource in mesh.resources:
        if resource.ref.kind.kind == "ProxyConfig":
            found = inner(resource.body, "spec", "environmentVariables")
            yield seen(
                str(resource.ref),
                resource.ref.name,
                resource.ref.namespace,
                found,
                inside="spec.environmentVariables.",
            )
    for workload in mesh.workloads:
        title, ref = str(workload.ref), workload.ref
        if PROXY_CONFIG in workload.template_annotations:
            config_text = workload.template_annotations[PROXY_CONFIG]
            inside = f"annotation {PROXY_CONFIG} proxyMetadata."
            yield seen(
                title, ref.name, ref.namespace, inner(_yaml(config_text), "proxyMetadata"), inside=inside
            )
        if own := _proxy_container(workload):
            yield seen(title, ref.name, ref.namespace, own, inside="env ")


def cni_env(mesh: Snapshot, revisions: frozenset[str]) -> Iterator[Seen]:
    """Environment and configuration of the node agent of Istio CNI."""
    del revisions
    for document in mesh.documents:
        if document.ref.name not in CNI_NAMES:
            continue
        kind, title = document.ref.kind.kind, str(document.ref)
        if kind == "ConfigMap":
            yield seen(
                title, document.ref.name, document.ref.namespace, inner(document.body, "data"), inside="data."
            )
        elif kind == "DaemonSet":
            for container in inner(document.body, "spec", "template", "spec").get("containers") or ():
                yield seen(title, document.ref.name, document.ref.namespace, env_of(container), inside="env ")


def env_of(container: Any) -> dict[str, Any]:
    """Name to value of a container's environment; what comes from elsewhere has value ``""``."""
    entries = container.get("env") if isinstance(container, dict) else ()
    return {str(e["name"]): e.get("value", "") for e in entries or () if isinstance(e, dict) and "name" in e}


def _proxy_container(workload: Workload) -> dict[str, Any]:
    spec = inner(workload.template, "spec")
    every = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    return next((env_of(c) for c in every if isinstance(c, dict) and c.get("name") == "istio-proxy"), {})


def _config_map(mesh: Snapshot, name: str, revision: str, body: Obj) -> Seen:
    plane = mesh.plane(revision)
    namespace = plane.ref.namespace if plane else mesh.root_namespace
    full = f"{name}{revision_suffix(revision)}"
    return seen(f"ConfigMap {namespace}/{full}", full, namespace, body)


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  a safe loader
    except yaml.YAMLError:
        return None


def seen(  # noqa: PLR0917  what an object is, in the order in which it is named
    title: str,
    name: str,
    namespace: str,
    body: Any,
    inside: str = "",
    labels: Mapping[str, str] | None = None,
) -> Seen:
    """An object that is not a pod template."""
    return Seen(of=title, name=name, namespace=namespace, body=body, inside=inside, labels=labels or {})


def inner(body: Any, *keys: str) -> dict[str, Any]:
    """The mapping that *keys* lead to; empty when there is none."""
    found = dug(body, *keys)
    return found if isinstance(found, dict) else {}
