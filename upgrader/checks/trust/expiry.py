from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from upgrader.checks.context import Context
from upgrader.checks.trust.roots import TRUSTED
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Certificate, Snapshot

A_HOP = timedelta(days=3)
"""What a hop is reckoned to take with its soaks, and with the days in which one may still want to go back."""
SOON = timedelta(days=90)


def expiry(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report certificates of the authority that end, or have not begun, while the upgrade may still be on its way.

    One that proxies trust has begun, whatever the clock here says.
    """
    hops = max(len(context.path) - 1, 1)
    used = {c.fingerprint for c in mesh.certificates if TRUSTED in c.where}
    told: set[tuple[str, datetime]] = set()
    for certificate in sorted(mesh.certificates, key=lambda c: (c.not_after, c.where)):
        if (certificate.fingerprint, certificate.not_after) in told:
            continue
        told.add((certificate.fingerprint, certificate.not_after))
        left = certificate.not_after - mesh.at
        if certificate.not_before > mesh.at and certificate.fingerprint not in used:
            yield _finding(
                mesh, certificate, f"begins only on {certificate.not_before.date()}", Severity.BLOCKED
            )
        elif left <= hops * A_HOP:
            ends = "ended" if left <= timedelta() else "ends"
            during = "" if left <= timedelta() else f", which may be before {hops} hops are done"
            text = f"{ends} on {certificate.not_after.date()}{during}"
            yield _finding(mesh, certificate, text, Severity.BLOCKED)
        elif left <= SOON:
            text = f"ends on {certificate.not_after.date()}, in {left.days} days"
            yield _finding(mesh, certificate, text, Severity.ADVISORY)


def _finding(mesh: Snapshot, certificate: Certificate, trouble: str, severity: Severity) -> Finding:
    copies = [c.where for c in mesh.certificates if c.fingerprint == certificate.fingerprint]
    return Finding(
        code="UPG-0366",
        severity=severity,
        subject=certificate.where,
        summary=f"{certificate.where}: the {certificate.role} certificate {trouble}",
        what=(
            f"{certificate.subject}, of {certificate.issuer}, SHA-256 {certificate.fingerprint[:16]}",
            *(f"also in {where}" for where in copies if where != certificate.where),
        ),
        why="proxies then refuse each other, and a new root in the middle of a run is trusted by one revision before the other",
        do=(
            "renew it first, with the old root kept among the trusted ones, and restart what must take it over",
            "then plan again: renewal and upgrade are two changes",
        ),
        allowable=severity is Severity.BLOCKED,
        objects=tuple(dict.fromkeys(copies)),
    )
