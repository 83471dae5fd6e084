"""A certificate for some hosts that ends some days after the scene is looked at."""

from __future__ import annotations

import base64
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.support.world_cluster import START


def certificate(*hosts: str, days: int = 30) -> str:
    """Base64 PEM, as Secrets and webhooks carry it; negative ``days`` for one that has ended."""
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop")])
    made = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
        .serial_number(7)
        .not_valid_before(START - timedelta(days=90))
        .not_valid_after(START + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .sign(key, None)
    )
    return base64.b64encode(made.public_bytes(Encoding.PEM)).decode()
