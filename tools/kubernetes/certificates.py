"""What a certificate says of itself: until when it holds, and for which names. Nothing of it is secret.

Source: RFC 5280; the first certificate of a PEM bundle is the server's own.
"""

from __future__ import annotations

import base64
import binascii

from cryptography import x509

from tools.kubernetes.objects import JsonObject


def read_certificate(encoded: object) -> JsonObject | None:
    """``notAfter`` (RFC 3339) and ``names`` of the first certificate in base64 PEM; None if there is none."""
    try:
        bundle = base64.b64decode(str(encoded), validate=True)
        first = x509.load_pem_x509_certificates(bundle)[0]
        return {"notAfter": first.not_valid_after_utc.isoformat(), "names": _names(first)}
    except (ValueError, binascii.Error, IndexError):
        return None


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        listed = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return sorted(str(name.value) for name in listed)


def covers(names: list[str], host: str) -> bool:
    """Whether a certificate for these names is good for this host; a star stands for one label (RFC 6125)."""
    parent = host.partition(".")[2]
    return host in names or (bool(parent) and f"*.{parent}" in names)
