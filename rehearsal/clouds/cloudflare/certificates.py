"""The edge's certificates as Universal SSL gives them, signed by an authority of the rehearsal.

One for each active zone, good for its apex and one level below it, with an ECDSA key, chosen by SNI alone. Sources:
developers.cloudflare.com/ssl/edge-certificates/universal-ssl/limitations (full setup),
developers.cloudflare.com/ssl/ssl-tls/browser-compatibility (SNI, ECDSA),
developers.cloudflare.com/ssl/troubleshooting/version-cipher-mismatch (what a visitor sees at any other name).
"""

from __future__ import annotations

import datetime as dt
import ssl
import tempfile
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from rehearsal.whole_file import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from rehearsal.clouds.cloudflare.store import Store

TEAMS: Final = "cloudflareaccess.com"
"""Where people log in; Cloudflare's own zone, with a name for each team."""
_AUTHORITY: Final = "homeport rehearsal authority"
_PEM: Final = serialization.Encoding.PEM
_DAY: Final = dt.timedelta(days=1)
_DAYS: Final = 3650
_UNUSED: Final = dict.fromkeys(
    (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
        *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    ),
    False,
)


class Certificates:
    """The certificates, made anew with every start.

    Args:
        store: The zones.
        authority: File that the authority's own certificate is written to, for visitors to trust.

    Attributes:
        context: What a listener takes its handshakes from.
    """

    def __init__(self, store: Store, authority: Path) -> None:
        self._store = store
        self._key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.KeyUsage(**{**_UNUSED, "key_cert_sign": True, "crl_sign": True})
        own = self._signed(self._key.public_key(), _AUTHORITY, x509.BasicConstraints(ca=True, path_length=0), usage)
        write_whole(authority, own.public_bytes(_PEM).decode())
        self._contexts: dict[str, ssl.SSLContext] = {}
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.sni_callback = self._choose

    def _choose(self, connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> int | None:
        """Takes the certificate that covers the name; the alert that ends the handshake where there is none."""
        zone = self._zone((name or "").lower())
        if not zone:
            return ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE
        if zone not in self._contexts:
            self._contexts[zone] = self._made(zone)
        connection.context = self._contexts[zone]
        return None

    def _zone(self, name: str) -> str:
        """The zone whose certificate covers the name: its own, or that of the name above it."""
        zones = self._store.all("zones").values()
        active = {TEAMS, *(zone["name"] for zone in zones if zone.get("status", "active") == "active")}
        return next((zone for zone in (name, name.partition(".")[2]) if zone in active), "")

    def _made(self, zone: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._signed(
            key.public_key(),
            "homeport rehearsal edge",
            x509.BasicConstraints(ca=False, path_length=None),
            x509.KeyUsage(**{**_UNUSED, "digital_signature": True}),
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
            x509.SubjectAlternativeName([x509.DNSName(zone), x509.DNSName(f"*.{zone}")]),
        )
        pem = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # OpenSSL takes a certificate with its key from a file alone.
        with tempfile.NamedTemporaryFile() as file:
            file.write(pem + certificate.public_bytes(_PEM))
            file.flush()
            context.load_cert_chain(file.name)
        return context

    def _signed(self, key: ec.EllipticCurvePublicKey, name: str, *extensions: x509.ExtensionType) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_named(name))
            .issuer_name(_named(_AUTHORITY))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _DAY)
            .not_valid_after(now + _DAYS * _DAY)
        )
        ours = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        for extension in (*extensions, x509.SubjectKeyIdentifier.from_public_key(key), ours):
            builder = builder.add_extension(extension, isinstance(extension, x509.BasicConstraints | x509.KeyUsage))
        return builder.sign(self._key, hashes.SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
