from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Certificate, Snapshot

PLUGGED_IN, SELF_SIGNED, TRUSTED = "cacerts", "istio-ca-secret", "istio-ca-root-cert"
_SHOWN = 8


def roots(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report a root that the next istiod signs with and proxies do not trust.

    An istiod that starts takes Secret cacerts where there is one, else istio-ca-secret; what proxies trust is in
    ConfigMap istio-ca-root-cert of each namespace, which the running istiod wrote. They differ when somebody has put
    another authority there and has not finished (istio/istio issues 44932 and 47650).
    """
    del context
    found = [c for c in mesh.certificates if c.role == "root" or c.subject == c.issuer]
    signing = _in(found, PLUGGED_IN) or _in(found, SELF_SIGNED)
    trusted = _in(found, TRUSTED)
    known = {c.fingerprint for c in signing}
    places: dict[str, set[str]] = {}
    for certificate in trusted:
        places.setdefault(certificate.where.rpartition(" ")[0], set()).add(certificate.fingerprint)
    apart = sorted(place for place, prints in places.items() if not known & prints)
    if not signing or not apart:
        return
    name = signing[0].where.rpartition(" ")[0]
    yield Finding(
        code="UPG-0367",
        severity=Severity.BLOCKED,
        subject=name,
        summary=f"{name}: its root is not trusted in {len(apart)} of {len(places)} places that proxies read",
        what=(
            *(f"{c.where}: {c.subject}, SHA-256 {c.fingerprint[:16]}" for c in signing),
            *(f"{c.where}: {c.subject}, SHA-256 {c.fingerprint[:16]}" for c in trusted[:_SHOWN]),
        ),
        why="the istiod of a hop starts with that root, and what it signs is refused by everything that has not moved",
        do=(
            "finish the change of root first: both roots trusted everywhere, then the new one signs, then the old one goes",
            f"kubectl -n {mesh.root_namespace} get configmap {TRUSTED} -o jsonpath='{{.data.root-cert\\.pem}}' | openssl x509 -noout -fingerprint -sha256",
        ),
        allowable=True,
        objects=(name, *apart),
    )


def _in(found: list[Certificate], name: str) -> list[Certificate]:
    """Those that are in the object of a name, in any namespace."""
    return [c for c in found if c.where.split(" ")[1:2] and c.where.split(" ")[1].rpartition("/")[2] == name]
