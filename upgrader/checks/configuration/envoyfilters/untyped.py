from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from upgrader.checks.configuration.envoyfilters.patches import Patch, applies, patches
from upgrader.checks.context import Context
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot
from upgrader.model.step import counted
from upgrader.model.version import Version

SINCE = Version(1, 19)
_SELF = frozenset({"HTTP_FILTER", "NETWORK_FILTER", "LISTENER_FILTER"})
_BRINGS = frozenset({"ADD", "INSERT_BEFORE", "INSERT_AFTER", "INSERT_FIRST", "REPLACE"})
_LISTS = frozenset({
    "access_log", "accessLog", "filters", "http_filters", "httpFilters", "listener_filters", "listenerFilters",
    "transport_socket", "transportSocket",
})  # fmt: skip
"""Fields that hold extensions, each with a name and its configuration."""
_TYPED = frozenset({"typed_config", "typedConfig", "config_discovery", "configDiscovery"})
_SHOWN = 8


def untyped_filters(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report values of EnvoyFilters that name an extension without ``typed_config``.

    Up to 1.18 Istio had Envoy look such an extension up by its name; since 1.19.0 it does not
    (releasenotes/notes/no_extension_lookup_by_name.yaml). ``config`` in its place is no field of Envoy's API v3.
    """
    for number, (source, target) in enumerate(zip(context.path, context.path[1:], strict=False), start=1):
        if (source.major, source.minor) < (SINCE.major, SINCE.minor) <= (target.major, target.minor):
            bare = [
                (p, n) for p in patches(mesh, context) if applies(p, target) is not False for n in _bare(p)
            ]
            if bare:
                yield _finding(bare, number)


def _bare(patch: Patch) -> list[str]:
    """Names of the extensions in *patch* without a configuration of a known type."""
    found = []
    if patch.apply_to in _SELF and patch.operation in _BRINGS:
        found += [str(patch.value["name"])] if _untyped(patch.value) else []
    return [*found, *_below(patch.value)]


def _below(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for member in value:
            yield from _below(member)
    elif isinstance(value, dict):
        for key, member in value.items():
            if key in _LISTS:
                members = member if isinstance(member, list) else [member]
                yield from (str(m["name"]) for m in members if isinstance(m, dict) and _untyped(m))
            yield from _below(member)


def _untyped(value: dict[str, Any]) -> bool:
    return bool(value.get("name")) and not (_TYPED & value.keys())


def _finding(bare: list[tuple[Patch, str]], number: int) -> Finding:
    objects = tuple(dict.fromkeys(str(p.ref) for p, _ in bare))
    first = bare[0][0]
    return Finding(
        code="UPG-0352",
        severity=Severity.BLOCKED,
        subject="1.19-typed-config",
        summary=f"1.19-typed-config: {counted(len(objects), 'EnvoyFilter')} without typed_config for an extension",
        what=tuple(f"{p.field}: {name}" for p, name in bare[:_SHOWN]),
        why="from 1.19 on an extension is found by the type of its configuration alone, and the proxy refuses one without",
        do=(
            'add typed_config with its "@type", and move what stands under config there',
            f"kubectl -n {first.ref.namespace} edit envoyfilter {first.ref.name}",
        ),
        hop=number,
        allowable=True,
        objects=objects,
    )
