from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from upgrader.checks.context import Context
from upgrader.checks.documents import dug
from upgrader.checks.scope import moving
from upgrader.checks.trust.roots import PLUGGED_IN, SELF_SIGNED
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Document, Snapshot

_SAYS = ("EXTERNAL_CA", "ENABLE_CA_SERVER", "PILOT_CERT_PROVIDER", "ISTIOD_CUSTOM_HOST")
_USUAL = {"ENABLE_CA_SERVER": "true", "PILOT_CERT_PROVIDER": "istiod"}


def provider(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report meshes whose certificates come from elsewhere than istiod, and revisions that disagree about it.

    ``ENABLE_CA_SERVER=false``, ``EXTERNAL_CA`` and another ``PILOT_CERT_PROVIDER`` than istiod mean that something
    else signs (pilot/pkg/bootstrap/istio_ca.go, certcontroller.go); it must know the name of each new istiod.
    """
    left = moving(mesh, context)
    settings = {p.revision: _settings(p.env) for p in mesh.control_planes}
    old = next((r for r in settings if r in left), "")
    yield from _differing(old, settings)
    yield from _along_the_way(context, old, settings)
    yield from _istio_csr(mesh)
    said = settings.get(old, {})
    foreign = {k: v for k, v in said.items() if k != "ISTIOD_CUSTOM_HOST"}
    held = {c.where.split(" ")[1].rpartition("/")[2] for c in mesh.certificates if " " in c.where}
    if said:
        yield _elsewhere(old, said, signs=bool(foreign))
    elif (
        mesh.certificates
        and not any(map(_signs, mesh.documents_of("Deployment")))
        and not held & {PLUGGED_IN, SELF_SIGNED}
    ):
        yield _unseen()


def _istio_csr(mesh: Snapshot) -> Iterator[Finding]:
    """The agent of cert-manager; told by its image."""
    agents = [str(d.ref) for d in mesh.documents_of("Deployment") if _signs(d)]
    if agents:
        yield Finding(
            code="UPG-0369",
            severity=Severity.ADVISORY,
            subject=agents[0],
            summary=f"{agents[0]}: istio-csr, so cert-manager signs the certificates of this mesh",
            why="it makes the certificate of each istiod, and only for revisions that it was told of",
            do=("add the name of each new revision to its list of revisions before that hop",),
            objects=tuple(agents),
        )


def _signs(document: Document) -> bool:
    """Whether it runs the agent. Volumes say nothing: istiod of 1.16 and later has some named istio-csr-… for itself."""
    containers = dug(document.body, "spec", "template", "spec", "containers") or ()
    return any("istio-csr" in str(container.get("image", "")) for container in containers)


def _settings(env: Mapping[str, str]) -> dict[str, str]:
    found = {k: env[k] for k in _SAYS if env.get(k)}
    return {k: v for k, v in found.items() if v != _USUAL.get(k)}


def _elsewhere(revision: str, said: Mapping[str, str], *, signs: bool) -> Finding:
    subject = f"revision {revision}"
    what = "its certificates are not signed by istiod itself" if signs else "istiod has a name of its own"
    return Finding(
        code="UPG-0369",
        severity=Severity.ADVISORY,
        subject=subject,
        summary=f"{subject}: {what} ({', '.join(said)})",
        what=tuple(f"istiod environment {key}={value}" for key, value in said.items()),
        why="an istiod of a new revision has a new name, istiod-REVISION; its proxies refuse a certificate without that name",
        do=(
            "give the new revision the same environment, and let the signer accept its name before the first hop",
            "with istio-csr: add the revision to its list of revisions, or wait for its certificate in vain",
        ),
        objects=(subject,),
    )


def _differing(old: str, settings: Mapping[str, Mapping[str, str]]) -> Iterator[Finding]:
    for revision, said in settings.items():
        if not old or revision == old or said == settings[old]:
            continue
        subject = f"revision {revision}"
        keys = sorted({k for k in _SAYS if said.get(k) != settings[old].get(k)})
        yield Finding(
            code="UPG-0369",
            severity=Severity.BLOCKED,
            subject=subject,
            summary=f"{subject}: gets its certificates otherwise than revision {old} ({', '.join(keys)})",
            what=tuple(
                f"{k}: {settings[old].get(k, 'not set')} of {old}, {said.get(k, 'not set')} of {revision}"
                for k in keys
            ),
            why="two authorities in one mesh: proxies of one revision refuse those of the other",
            do=("install the new revision with the same environment for istiod",),
            allowable=True,
            objects=(f"revision {old}", subject),
        )


def _along_the_way(
    context: Context, old: str, installed: Mapping[str, Mapping[str, str]]
) -> Iterator[Finding]:
    """Each hop against the one before it, by what its manifests set; what is installed like that already was told."""
    before = installed.get(old)
    for hop, version in enumerate(context.path[1:], start=1):
        told = context.configured.get(str(version))
        if told is None:
            old, before = "", None
            continue
        after = _settings(told.env)
        if before is not None and installed.get(told.revision) != after:
            for finding in _differing(old, {old: before, told.revision: after}):
                yield msgspec.structs.replace(finding, hop=hop)
        old, before = told.revision, after


def _unseen() -> Finding:
    return Finding(
        code="UPG-0369",
        severity=Severity.ADVISORY,
        subject="authority",
        summary="authority: proxies trust a root, and there is neither cacerts nor istio-ca-secret that could sign with it",
        why="who signs is not seen from here, so nothing can be said about when that certificate ends",
        do=(
            "ask who keeps the authority when its issuing certificate ends, and whether it knows the new istiod's name",
        ),
        objects=("authority",),
    )
