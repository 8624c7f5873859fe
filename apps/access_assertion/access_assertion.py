"""Whether a request came through Cloudflare Access: its assertion, checked as Cloudflare documents it.

Source: developers.cloudflare.com/cloudflare-one/identity/authorization-cookie/validating-json (the header, the address
of the keys, audience and issuer).
"""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import jwt

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Scope = MutableMapping[str, Any]
    Application = Callable[[Scope, Callable[..., Any], Callable[..., Any]], Awaitable[None]]

_HEADER = b"cf-access-jwt-assertion"
_KEPT, _PAUSE, _TIMEOUT = 3600.0, 60.0, 5.0
_LEEWAY = 30
"""Seconds by which two clocks may differ."""


class RefusedError(Exception):
    """The request did not come through Access, or not for this application.

    Attributes:
        status: What HTTP answers: 401, 403 or, where the keys cannot be had, 503.
    """

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Access:
    """An application of Access.

    Args:
        auth_domain: The team's address, ``CLOUDFLARE_AUTH_DOMAIN``, as ``https://team.cloudflareaccess.com``.
        audience: The application's audience tag, ``CLOUDFLARE_AUD_TAG``.
        clock: Seconds that never go back.
    """

    def __init__(self, auth_domain: str, audience: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        if not auth_domain.startswith("https://") and not auth_domain.startswith("http://127.0.0.1:"):
            raise ValueError("CLOUDFLARE_AUTH_DOMAIN: is no address such as https://team.cloudflareaccess.com")
        if not audience:
            raise ValueError("CLOUDFLARE_AUD_TAG: is empty, so anybody's application would be believed")
        self._domain, self._audience, self._clock = auth_domain.rstrip("/"), audience, clock
        self._keys: dict[str, Any] = {}
        self._asked = -_KEPT
        self._lock = threading.Lock()

    def claims(self, assertion: str | None) -> dict[str, Any]:
        """What Access says of who sent a request, as ``email``.

        Raises:
            RefusedError: It does not hold.
        """
        if not assertion:
            raise RefusedError(401, "no assertion: the request did not come through Cloudflare Access")
        try:
            kid = str(jwt.get_unverified_header(assertion).get("kid"))
        except jwt.PyJWTError:
            raise RefusedError(401, "the assertion is none") from None
        try:
            claims: dict[str, Any] = jwt.decode(
                assertion,
                self._key(kid),
                # By name: what the assertion says of its own algorithm is not believed.
                algorithms=["RS256"],
                audience=self._audience,
                issuer=self._domain,
                leeway=_LEEWAY,
                options={"require": ["exp", "iat", "aud", "iss"]},
            )
        except (jwt.InvalidAudienceError, jwt.InvalidIssuerError):
            raise RefusedError(403, "the assertion is for another application") from None
        except jwt.PyJWTError as error:
            raise RefusedError(401, f"the assertion does not hold: {type(error).__name__}") from None
        return claims

    def _key(self, kid: str) -> Any:
        with self._lock:
            age = self._clock() - self._asked
            if age >= _KEPT or (kid not in self._keys and age >= _PAUSE):
                self._asked = self._clock()
                try:
                    self._keys = self._fetched()
                except (OSError, ValueError, KeyError, jwt.PyJWTError):
                    if not self._keys:
                        raise RefusedError(503, "the keys of Cloudflare Access cannot be had now") from None
            if kid in self._keys:
                return self._keys[kid]
            if not self._keys:
                raise RefusedError(503, "the keys of Cloudflare Access cannot be had now")
        raise RefusedError(401, "the assertion is signed by a key that is not Cloudflare's")

    def _fetched(self) -> dict[str, Any]:
        url = f"{self._domain}/cdn-cgi/access/certs"
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:  # noqa: S310  # __init__ let https alone in
                keys = jwt.PyJWKSet.from_dict(json.load(answer)).keys
        except urllib.error.HTTPError as error:
            error.close()
            raise
        return {str(key.key_id): key.key for key in keys}


class OnlyThroughAccess:
    """An ASGI application that answers only who came through Access; who that was is in ``scope["access"]``.

    Args:
        application: The server.
        access: Its application of Access.
        open_paths: Paths that are answered without an assertion, such as that of a health check.
    """

    def __init__(self, application: Application, access: Access, *, open_paths: tuple[str, ...] = ()) -> None:
        self._application, self._access, self._open = application, access, open_paths

    async def __call__(self, scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        """One request, one WebSocket, or the server's own start and end."""
        if scope["type"] == "lifespan" or scope.get("path") in self._open:
            await self._application(scope, receive, send)
            return
        sent = [value for name, value in scope["headers"] if name == _HEADER]
        try:
            # Of two nobody knows which one the proxy has put there.
            scope["access"] = self._access.claims(sent[0].decode("latin-1") if len(sent) == 1 else None)
        except RefusedError as refused:
            await _refuse(scope, send, refused)
            return
        await self._application(scope, receive, send)


async def _refuse(scope: Scope, send: Callable[..., Any], refused: RefusedError) -> None:
    if scope["type"] == "websocket":
        # Before it is accepted: the server answers 403.
        await send({"type": "websocket.close", "code": 1008})
        return
    body = json.dumps({"error": str(refused)}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
