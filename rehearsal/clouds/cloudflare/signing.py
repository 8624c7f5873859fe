"""The keys that Access signs with: RS256, changed every six weeks, the one before accepted for another seven days.

Source: developers.cloudflare.com/cloudflare-one/identity/authorization-cookie/validating-json.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from rehearsal.clouds.cloudflare.envelope import ApiError, Record, Request, success
from rehearsal.clouds.cloudflare.store import moment, stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.clouds.cloudflare.accounts import Accounts
    from rehearsal.clouds.cloudflare.routing import Router
    from rehearsal.clouds.cloudflare.store import Store

DAY: Final = 86400.0
OVERLAP_DAYS: Final = 7
_INTERVAL_DAYS: Final = 42
_BITS: Final = 2048
_LEAST, _MOST = 21, 365


class Keys:
    """The signing keys, one set for every account's team.

    Args:
        store: The state; the private keys are part of it, as this is a rehearsal.
        accounts: Checks the account of a call.
    """

    def __init__(self, store: Store, accounts: Accounts) -> None:
        self._store, self._accounts = store, accounts
        self.changed: Callable[[], None] = lambda: None
        if not self._rows():
            self.rotate()

    def mount(self, router: Router) -> None:
        """Enters the calls."""
        router.add("GET", "/accounts/{account}/access/keys", self._show)
        router.add("PUT", "/accounts/{account}/access/keys", self._interval)
        router.add("POST", "/accounts/{account}/access/keys/rotate", self._rotate_now)

    def _rows(self) -> list[Record]:
        return sorted(self._store.all("keys").get("ring", []), key=lambda row: str(row["made"]))

    def _days(self) -> int:
        return int(self._store.all("keys").get("interval", _INTERVAL_DAYS))

    def rotate(self) -> str:
        """Makes a new key that signs from now on; its id. The one before stays published for seven days."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
        plain = serialization.NoEncryption()
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()
        with self._store.change() as data:
            ring: list[Record] = data["keys"].setdefault("ring", [])
            kid = hashlib.sha256(pem.encode()).hexdigest()
            ring.append({"kid": kid, "pem": pem, "cert": _certificate(key), "made": f"{self._store.now():017.6f}"})
            data["keys"]["ring"] = ring[-3:]
        self.changed()
        return str(kid)

    def current(self) -> list[Record]:
        """The keys that are accepted now, the signing one first; makes a new one when its time has come."""
        now = self._store.now()
        if now - float(self._rows()[-1]["made"]) >= self._days() * DAY:
            self.rotate()
        *before, signing = self._rows()
        overlap = now - float(signing["made"]) < OVERLAP_DAYS * DAY
        return [signing, *(before[-1:] if overlap else [])]

    def sign(self, claims: Record, header: Record | None = None) -> str:
        """A JWT over `claims` by the signing key; `header` replaces parts of its header."""
        row = self.current()[0]
        top = {"alg": "RS256", "kid": row["kid"], "typ": "JWT", **(header or {})}
        signed = f"{encoded(json.dumps(top).encode())}.{encoded(json.dumps(claims).encode())}"
        signature = _private(row).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{encoded(signature)}"

    def read(self, token: str, audience: str) -> Record | None:
        """The claims of a JWT that is ours, for that audience and not out of date; None for any other."""
        try:
            top, claims, signature = (decoded(part) for part in token.split("."))
            header, content = json.loads(top), json.loads(claims)
            rows = [row for row in self.current() if row["kid"] == header["kid"] and header["alg"] == "RS256"]
            signed = token.rsplit(".", 1)[0].encode()
            _private(rows[0]).public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
            fits = audience in content["aud"] and content["exp"] > self._store.now()
        except (ValueError, KeyError, IndexError, TypeError, InvalidSignature):
            return None
        return dict(content) if fits else None

    def published(self) -> Record:
        """What `/cdn-cgi/access/certs` answers."""
        rows = self.current()
        certs = [{"kid": row["kid"], "cert": row["cert"]} for row in rows]
        return {"keys": [_jwk(row) for row in rows], "public_cert": certs[0], "public_certs": certs}

    def _show(self, _request: Request, account: str) -> Record:
        self._accounts.account(account)
        days, created = self._days(), float(self.current()[0]["made"])
        left = days - (self._store.now() - created) / DAY
        shown = {"days_until_next_rotation": round(left, 1), "key_rotation_interval_days": days}
        return success({**shown, "last_key_rotation_at": stamp(created)})

    def _interval(self, request: Request, account: str) -> Record:
        days = request.body.get("key_rotation_interval_days")
        if not isinstance(days, int | float) or not _LEAST <= days <= _MOST:
            raise ApiError(400, 12130, f"access.api.error.invalid_request: between {_LEAST} and {_MOST} days")
        with self._store.change() as data:
            data["keys"]["interval"] = days
        return self._show(request, account)

    def _rotate_now(self, request: Request, account: str) -> Record:
        self._accounts.account(account)
        self.rotate()
        return self._show(request, account)


def encoded(raw: bytes) -> str:
    """Base64url without padding, as JWTs have it."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """The bytes of Base64url without padding; fails with ValueError."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _private(row: Record) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(row["pem"].encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("the signing key is no RSA key")
    return key


def _jwk(row: Record) -> dict[str, Any]:
    numbers = _private(row).public_key().public_numbers()
    big, small = numbers.n.to_bytes(_BITS // 8, "big"), numbers.e.to_bytes(3, "big")
    return {"kid": row["kid"], "kty": "RSA", "alg": "RS256", "use": "sig", "e": encoded(small), "n": encoded(big)}


def _certificate(key: rsa.RSAPrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cloudflareaccess.com")])
    start = dt.datetime.fromtimestamp(moment("2020-01-01T00:00:00Z"), dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    dated = builder.serial_number(x509.random_serial_number()).not_valid_before(start)
    ready = dated.not_valid_after(start + dt.timedelta(days=36500))
    return ready.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
