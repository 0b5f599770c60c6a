from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase

from upgrader.catalog.filters import FilterChange, filter_changes
from upgrader.checks.configuration.envoyfilters.patches import (
    RELATIVE,
    Patch,
    applies,
    names_in,
    patches,
    texts_in,
    types_in,
)
from upgrader.checks.context import Context
from upgrader.checks.scope import new_minors, some
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot
from upgrader.model.step import counted
from upgrader.model.version import Version

_WHERE: dict[str, Callable[[Patch], Iterable[str]]] = {
    "anchor": lambda patch: patch.anchors,
    "name": lambda patch: names_in(patch.value),
    "type": lambda patch: types_in(patch.value),
    "text": lambda patch: texts_in(patch.value),
}
_SHOWN = 8


def changed_filters(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report EnvoyFilters that name what a hop takes away, renames or moves; one finding for each such change.

    What is changed, and from which minor on, is in the catalog (filters.yaml). A patch that the new proxies do not
    get because of its ``proxyVersion`` is not concerned.
    """
    written = tuple(patches(mesh, context))
    if not written:
        return
    for number, target in new_minors(context):
        for change in filter_changes(target.series):
            hit = [(p, name) for p in written for name in _named(change, p, target)]
            if hit:
                yield _finding(change, hit, number, target)


def _named(change: FilterChange, patch: Patch, target: Version) -> list[str]:
    """What *patch* names of *change*."""
    if change.patches and patch.apply_to not in change.patches:
        return []
    if change.relative and patch.operation not in RELATIVE:
        return []
    if (change.unordered and patch.priority > 0) or applies(patch, target) is False:
        return []
    said = _WHERE[change.place](patch)
    return list(dict.fromkeys(n for n in said if any(fnmatchcase(n, glob) for glob in change.names)))


def _finding(change: FilterChange, hit: list[tuple[Patch, str]], number: int, target: Version) -> Finding:
    names = list(dict.fromkeys(name for _, name in hit))
    objects = tuple(dict.fromkeys(str(p.ref) for p, _ in hit))
    anchor = change.place == "anchor"
    return Finding(
        code="UPG-0398" if anchor else "UPG-0352",
        severity=Severity.BLOCKED if change.certain else Severity.ADVISORY,
        subject=change.id,
        summary=f"{change.id}: {counted(len(objects), 'EnvoyFilter')} {_verb(len(objects), anchor=anchor)} {some(names, 3)}",
        what=(
            f"from {target.series} on {some(names, 3)} {change.change}",
            *(f"{p.field}: {p.operation} {p.apply_to}" for p, _ in hit[:_SHOWN]),
        ),
        why="a patch that finds nothing to stand beside is left out without an error: a filter that decides on access may vanish"
        if anchor
        else "a proxy keeps what it had, or a new one never becomes ready, when it cannot load its configuration",
        do=(*change.do, f"kubectl -n {hit[0][0].ref.namespace} edit envoyfilter {hit[0][0].ref.name}"),
        hop=number,
        allowable=change.certain,
        objects=objects,
    )


def _verb(count: int, *, anchor: bool) -> str:
    if anchor:
        return "holds on to" if count == 1 else "hold on to"
    return "brings" if count == 1 else "bring"
