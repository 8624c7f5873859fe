"""Who may call: under which host name, from which page, and with which token. In front of everything else."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

HEALTH = "/health"
DOCS = frozenset({"/docs", "/openapi.json"})


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


class HostNames:
    """Answers 403 under another name than the server's own, and to pages of other sites.

    A page whose name was made to point here (DNS rebinding) says its own name in ``Host`` and ``Origin``.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the call on, or refuse it."""
        if scope["type"] == "http":
            host, origins = _values(scope, b"host"), _values(scope, b"origin")
            if not (len(host) == 1 and self._ours(f"//{host[0]}") and all(map(self._ours, origins))):
                await JSONResponse({"detail": "unknown host or origin"}, 403)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _ours(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            name = parts.hostname or ""
        except ValueError:
            return False
        return name in self.hosts and parts.username is None and not (parts.path or parts.query or parts.fragment)


class Bearer:
    """Answers 401, always the same, unless the call has one of the tokens; /health alone is open to all.

    Who called goes into the scope's ``user``, by which the MCP SDK binds a session to whoever opened it.
    """

    def __init__(self, app: ASGIApp, tokens: Mapping[str, str], public: frozenset[str]) -> None:
        self.app, self.public = app, public
        self._digests = {client: _digest(token) for client, token in tokens.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the call on, or refuse it."""
        if scope["type"] == "http" and scope["path"] not in self.public:
            client = self._client(_values(scope, b"authorization"))
            if not client:
                answer = JSONResponse({"detail": "a valid bearer token is needed"}, 401, {"WWW-Authenticate": "Bearer"})
                await answer(scope, receive, send)
                return
            # The token itself goes no further: nothing behind this can hand it on.
            scope["user"] = AuthenticatedUser(AccessToken(token="", client_id=client, scopes=[]))
        await self.app(scope, receive, send)

    def _client(self, headers: list[str]) -> str:
        """The name of whose token it is; empty: nobody's."""
        scheme, _, token = (headers[0] if len(headers) == 1 else "").partition(" ")
        digest = _digest(token if scheme.lower() == "bearer" else "")
        # All are compared, and digests of one length: the time says nothing of the tokens.
        matches = [client for client, right in self._digests.items() if hmac.compare_digest(digest, right)]
        return matches[0] if matches else ""


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("latin-1", "replace")).digest()
