from __future__ import annotations

from collections.abc import Iterator, Mapping

from upgrader.checks.context import Context
from upgrader.checks.scope import moving
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot

_PLACES = (
    ("compatibilityVersion",),
    ("values", "compatibilityVersion"),
    ("spec", "values", "compatibilityVersion"),
)
"""Of helm's values, of an IstioOperator's spec, of the whole object."""


def profiles(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report a ``compatibilityVersion`` that somebody set and that the charts of a minor on the path do not have."""
    for revision in sorted(moving(mesh, context)):
        wanted = _wanted(mesh.install_values.get(revision, {}))
        for number, target in enumerate(context.path[1:], start=1):
            known = context.catalog.profiles.get(target.series)
            if wanted and known is not None and wanted not in known.behaves and wanted != target.series:
                yield Finding(
                    code="UPG-0119",
                    severity=Severity.ADVISORY,
                    subject=f"revision {revision}",
                    summary=f"revision {revision}: compatibilityVersion {wanted} ends with {target.series}",
                    what=(f"the charts of {target.series} have {', '.join(known.behaves)}",),
                    why=f"what it kept as it was changes with that hop, all at once; {known.source[0]}, read {known.seen}",
                    do=(
                        f"before hop {number}, try without it or with {known.behaves[0]}, one workload first",
                        "keep single settings of it that are still needed as values of your own",
                    ),
                    hop=number,
                )
                break


def _wanted(values: Mapping[str, object]) -> str:
    for path in _PLACES:
        found: object = values
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        if found:
            return str(found)
    return ""
