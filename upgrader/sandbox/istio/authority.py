"""The mesh's root certificate: where it lives, what a caBundle must hold to trust it."""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache

from upgrader.sandbox.istio.planes import Istio
from upgrader.sandbox.store import Store

SELF_SIGNED = "istio-ca-secret"
PLUGGED_IN = "cacerts"
ROOT = """-----BEGIN CERTIFICATE-----
MIIBiDCCAS2gAwIBAgIUFlpw5SO2B1aHDkS35Rs0KfRnzD8wCgYIKoZIzj0EAwIw
GDEWMBQGA1UECgwNY2x1c3Rlci5sb2NhbDAgFw0yNjExMjQwNTEyNTdaGA8yMTI2
MTAzMTA1MTI1N1owGDEWMBQGA1UECgwNY2x1c3Rlci5sb2NhbDBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABHdIhRZ0GfYsxShvG2i2QCaVtgEoQ4ix10LR16/JVfhn
BbM97q4X+L+kpofV/yPanK5vT4IgV2gA/r5M6USd7K6jUzBRMB0GA1UdDgQWBBQj
Dqii7BTn24EoU1pmxphfs+k82zAfBgNVHSMEGDAWgBQjDqii7BTn24EoU1pmxphf
s+k82zAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQC4b7NKpODz
ssAwg1OGdTnNAiEPEFqHB8vbGwYjSML7PQIhALXyaAmjlKUscLlHhpcHkYh0I8Dn
ejeX16AeI/oqGn0Z
-----END CERTIFICATE-----
"""
"""A self-signed root nobody has the key of; what a first istiod of a sandbox mesh makes."""


def root_of(store: Store, namespace: str) -> str:
    """The root certificate (PEM) istiods of a namespace sign with; plugged-in ones win, as in istiod."""
    for name in (PLUGGED_IN, SELF_SIGNED):
        data = (store.get(("", "secrets", namespace, name)) or {}).get("data") or {}
        for key in ("root-cert.pem", "ca-cert.pem"):
            if text := _decoded(data.get(key, "")):
                return text
    return ROOT


def bundle_of(store: Store, namespace: str) -> str:
    """The caBundle (base64) that webhooks of a namespace's istiods need."""
    return base64.b64encode(root_of(store, namespace).encode()).decode()


def trusted(store: Store, istiod: Istio, bundle: str) -> bool:
    """Whether a caller with this caBundle accepts the istiod's certificate."""
    return root_of(store, istiod.namespace).strip() in _decoded(bundle)


@lru_cache(maxsize=64)
def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=False).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def readable(bundle: str) -> bool:
    """Whether a caBundle holds certificates at all; an empty one stands for those of the system."""
    try:
        return not bundle or b"-----BEGIN " in base64.b64decode(bundle, validate=False)
    except ValueError:
        return False
