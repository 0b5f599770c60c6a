"""One finding per code and subject."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from upgrader.model.finding import Finding, Severity


def joined(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """*findings* with those of one code, subject and hop put together, each where its first one stood."""
    found: dict[tuple[str, str, int], Finding] = {}
    for finding in findings:
        key = finding.code, finding.subject, finding.hop
        found[key] = _both(found[key], finding) if key in found else finding
    return tuple(found.values())


def _both(first: Finding, second: Finding) -> Finding:
    """The graver one speaks, and nothing of the other is lost; an exception must be possible for all that blocks."""
    if first.severity is Severity.ADVISORY and second.severity is Severity.BLOCKED:
        first, second = second, first
    return msgspec.structs.replace(
        first,
        what=_union(first.what, (second.summary, *second.what)),
        do=_union(first.do, second.do),
        allowable=first.allowable and (second.allowable or second.severity is Severity.ADVISORY),
        objects=_union(first.objects, second.objects),
    )


def _union(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))
