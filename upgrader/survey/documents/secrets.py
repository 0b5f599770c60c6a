"""Secrets of Istio: which there are, and what is public about them. No value of a Secret leaves this module."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import yaml

from upgrader.model.kinds import CONFIG_MAP, SECRET, Obj, Ref
from upgrader.model.snapshot import Certificate, Document
from upgrader.survey.documents.certificates import certificates_of
from upgrader.survey.documents.kept import document
from upgrader.survey.looking import Looking

AUTHORITIES = ("cacerts", "istio-ca-secret")
"""Where istiod finds, or keeps, the certificate and key that it signs with."""
REMOTE = "istio/multiCluster=true"
"""What Secrets with the kubeconfig of another cluster are labelled with; istiod reads those of its own namespace."""
ROOT_CERT = "istio-ca-root-cert"
_ROLES = {
    "ca-cert.pem": "issuing", "cert-chain.pem": "issuing", "root-cert.pem": "root", "tls.crt": "issuing", "ca.crt": "root",
}  # fmt: skip
"""Keys of certificates; the last two are of Secrets of type kubernetes.io/tls. Source: security/pkg/pki/ca/ca.go."""
_WAYS = {
    "token": "token", "tokenFile": "token", "client-certificate-data": "client-certificate", "client-certificate": "client-certificate",
    "exec": "exec", "auth-provider": "auth-provider", "username": "basic",
}  # fmt: skip


def secrets(
    look: Looking, homes: Sequence[str], maps: Iterable[Obj]
) -> tuple[tuple[Document, ...], tuple[Certificate, ...]]:
    """The Secrets of authorities and remote clusters (type and keys), and every certificate of an authority.

    Args:
        look: Reads them; what is forbidden is noted, and a plan can be made without it.
        homes: Namespaces of control planes.
        maps: ConfigMaps there; the root certificate is in one of them, for everybody to read.
    """
    found: list[Obj] = []
    known: list[Certificate] = []
    for one in maps:
        if one["metadata"]["name"] == ROOT_CERT:
            where = f"{CONFIG_MAP.kind} {one['metadata']['namespace']}/{ROOT_CERT}"
            known += _certificates(look, where, one.get("data") or {})
    for home in homes:
        held = [look.also_one(Ref(SECRET, name, home)) for name in AUTHORITIES]
        for one in (h for h in held if h is not None):
            where = f"{SECRET.kind} {home}/{one['metadata']['name']}"
            plain = {k: _decoded(v) for k, v in (one.get("data") or {}).items() if k in _ROLES}
            known += _certificates(look, where, plain)
            found.append(one)
        found += look.also(SECRET, home, REMOTE) or ()
    documents = tuple(document(SECRET, one, _public(one)) for one in found)
    return documents, tuple(sorted(known, key=lambda c: (c.where, c.role, c.fingerprint)))


def _certificates(look: Looking, where: str, data: Mapping[str, str]) -> Iterator[Certificate]:
    for key, role in _ROLES.items():
        text = data.get(key, "")
        if not text.strip():
            continue
        try:
            yield from certificates_of(text, where=f"{where} {key}", role=role)
        except ValueError:
            look.illegible(
                f"certificates in {where} {key}", "there is something else than certificates in PEM form"
            )


def _public(secret: Obj) -> Obj:
    """Type and keys; of a remote cluster also how it authenticates."""
    data = secret.get("data") or {}
    kept: Obj = {"type": secret.get("type", "Opaque"), "keys": sorted(data)}
    if "istio/multiCluster" in (secret["metadata"].get("labels") or {}):
        kept["authentication"] = {key: _ways(_decoded(data[key])) for key in sorted(data)}
    return kept


def _ways(kubeconfig: str) -> list[str]:
    """How the users of a kubeconfig authenticate: ``token``, ``client-certificate``, ``exec``, ``auth-provider``, ``basic``.

    ``unknown`` when it cannot be understood.
    """
    try:
        told: Any = yaml.load(kubeconfig, Loader=yaml.CSafeLoader)
        users = [entry.get("user") or {} for entry in told.get("users") or ()]
        return sorted({_WAYS[key] for user in users for key in user if key in _WAYS})
    except (yaml.YAMLError, AttributeError, TypeError):
        return ["unknown"]


def _decoded(value: Any) -> str:
    try:
        return base64.b64decode(str(value)).decode(errors="replace")
    except (binascii.Error, ValueError):
        return ""
