"""Certificates: what anybody may know of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upgrader.model.snapshot import Certificate

if TYPE_CHECKING:
    from cryptography import x509


def certificates_of(text: str, *, where: str, role: str) -> tuple[Certificate, ...]:
    """Every certificate of a PEM text, in its order.

    Args:
        text: One or more certificates; whatever stands between them is passed over.
        where: As ``Certificate.where``.
        role: As ``Certificate.role``.

    Raises:
        ValueError: there is none, or one that cannot be read.
    """
    from cryptography import x509  # 60 ms, and only a survey wants it

    return tuple(_facts(one, where, role) for one in x509.load_pem_x509_certificates(text.encode()))


def _facts(one: x509.Certificate, where: str, role: str) -> Certificate:
    from cryptography.hazmat.primitives.hashes import SHA256

    return Certificate(
        where=where,
        role=role,
        subject=one.subject.rfc4514_string(),
        issuer=one.issuer.rfc4514_string(),
        not_before=one.not_valid_before_utc,
        not_after=one.not_valid_after_utc,
        fingerprint=one.fingerprint(SHA256()).hex(),
        key=_key(one),
    )


def _key(one: x509.Certificate) -> str:
    """Kind and strength of its public key: ``RSA 4096``, ``EC P-256``, ``Ed25519``; empty for what is none of these."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    try:
        key = one.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return ""
    match key:
        case rsa.RSAPublicKey():
            return f"RSA {key.key_size}"
        case ec.EllipticCurvePublicKey():
            return f"EC P-{key.key_size}"
        case ed25519.Ed25519PublicKey():
            return "Ed25519"
        case _:
            return ""
