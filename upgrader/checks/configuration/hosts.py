"""Names in the configuration of Istio, and who sees what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from upgrader.checks.context import Context
from upgrader.checks.scope import stays
from upgrader.model.kinds import Obj, Ref
from upgrader.model.snapshot import CustomResource, Snapshot

NETWORKING = "networking.istio.io"
EVERYBODY = "*"
_DOMAIN = "svc.cluster.local"


def written(mesh: Snapshot, context: Context, kind: str) -> Sequence[CustomResource]:
    """Objects of a kind of networking.istio.io, without those that stay behind."""
    every = mesh.resources_of(NETWORKING, kind)
    return [r for r in every if not stays(context, r.ref.namespace)] if context.excluded else every


def spec_of(resource: CustomResource) -> Obj:
    """Its spec; empty where that is no mapping."""
    found = resource.body.get("spec")
    return found if isinstance(found, dict) else {}


def listed(value: Any) -> list[Any]:
    """*value* if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def full_host(host: str, namespace: str) -> str:
    """A host as istiod understands it in *namespace*: a name without a dot is a Service there."""
    return host if "." in host or EVERYBODY in host else f"{host}.{namespace}.{_DOMAIN}"


def full_gateway(name: str, namespace: str) -> str:
    """``namespace/name`` of a Gateway that is named in *namespace*; ``mesh`` stays what it is."""
    if name == "mesh" or "/" in name:
        return name if not name.startswith("./") else f"{namespace}/{name[2:]}"
    short, _, rest = name.partition(".")
    return f"{rest.split('.')[0] if rest else namespace}/{short}"


def seen_by(resource: CustomResource) -> frozenset[str]:
    """Namespaces that see it, or ``*``."""
    names = [str(n) for n in listed(spec_of(resource).get("exportTo"))] or [EVERYBODY]
    return frozenset(resource.ref.namespace if n == "." else n for n in names)


def meet(first: frozenset[str], second: frozenset[str]) -> bool:
    """Whether somebody sees both."""
    if EVERYBODY in first:
        return bool(second - {"~"})
    return bool(first - {"~"}) if EVERYBODY in second else bool((first & second) - {"~"})


def covers(pattern: str, host: str) -> bool:
    """Whether a host of the configuration, which may begin with ``*``, stands for *host*."""
    return pattern in {host, EVERYBODY} or (pattern.startswith("*.") and host.endswith(pattern[1:]))


def labels_meet(first: Mapping[str, str], second: Mapping[str, str]) -> bool:
    """Whether one pod may have both selectors' labels."""
    return all(second.get(key, value) == value for key, value in first.items())


def names_of(refs: tuple[Ref, ...]) -> tuple[str, ...]:
    """As people write them, each once."""
    return tuple(dict.fromkeys(str(ref) for ref in refs))
