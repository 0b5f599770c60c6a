"""What can be reached from here, and everything that is known of the way, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from upgrader.catalog import Catalog
from upgrader.planning.routes.targets import Start, Target
from upgrader.report.fitting import hung
from upgrader.report.style import Style

_HEAD = f"{'TO':6}{'HOPS':6}{'BEST':12}{'END OF SUPPORT':24}{'KUBERNETES':13}NEEDS FIRST"


def reachable_text(start: Start | None, found: Sequence[Target], unknown: str, style: Style) -> list[str]:
    """Every target, a line each, and the patch releases not to stop at.

    Args:
        start: Where it begins; None when nobody knows.
        found: As ``targets`` gives them.
        unknown: Why nobody knows where it begins.
        style: How wide a line may be.
    """
    if start is None:
        return hung("From  ", f"not known: {unknown}; say it with --from-version 1.27.9", style.width)
    on = f" on Kubernetes {start.kubernetes}" if start.kubernetes else ""
    lines = [
        f"From  istiod {start.version}{f', revision {start.revision},' if start.revision else ''}{on}",
        "",
        _HEAD,
    ]
    for one in found:
        end = f"{one.end_of_life}{_remark(one.over, one.end)}"
        span = f"{one.kubernetes[0]}-{one.kubernetes[1]}"
        head = f"{one.minor:6}{len(one.hops):<6}{one.best:12}{end:24}{span:13}"
        lines += hung(head, "; ".join(one.needs) or _nothing(start, one), max(style.width, len(head) + 30))
    lines += ["", *_avoided(found, style)]
    if not found:
        lines.append("Nothing newer is known; a newer release of upgrade may know more, or --catalog DIR")
    if not start.kubernetes:
        lines += hung("", "What each needs of Kubernetes first is told with --kubernetes 1.30", style.width)
    return [line for n, line in enumerate(lines) if line or (n and lines[n - 1])]


def _nothing(start: Start, one: Target) -> str:
    """A newer patch needs nothing; of a minor that is only known where Kubernetes is."""
    return "nothing" if start.kubernetes or one.minor == start.version.series else "not known"


def _remark(over: bool, end: str) -> str:
    return " (over)" if over else " (expected)" if end == "expected" else ""


def _avoided(found: Sequence[Target], style: Style) -> Iterator[str]:
    for one in found:
        reasons: dict[str, list[str]] = {}
        for patch, why in one.avoid.items():
            reasons.setdefault(why, []).append(patch)
        for why, patches in reasons.items():
            yield from hung("Not   ", f"{', '.join(patches)}: {why}", style.width)


def known_text(
    catalog: Catalog,
    manifests: Mapping[str, Sequence[str]],
    programs: Mapping[str, Sequence[str]],
    today: date,
) -> list[str]:
    """Every minor that is known, and what of it is at hand."""
    lines = [
        f"{'MINOR':8}{'RELEASED':13}{'END OF LIFE':24}{'KUBERNETES':13}{'MANIFESTS HERE':16}ISTIOCTL HERE"
    ]
    for one in map(catalog.releases.__getitem__, catalog.minors()):
        end = f"{one.end_of_life}{_remark(catalog.ended(one.minor, today), one.end)}"
        span = f"{one.kubernetes.supported[0]}-{one.kubernetes.supported[-1]}"
        folders, here = (", ".join(x.get(one.minor, [])) or "-" for x in (manifests, programs))
        lines.append(f"{one.minor:8}{one.released!s:13}{end:24}{span:13}{folders:16}{here}")
    return lines
