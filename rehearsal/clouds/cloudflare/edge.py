"""The edge: where a visitor's request for a public hostname comes in, and whether and how it reaches the origin."""

from __future__ import annotations

import ipaddress
import json
import threading
import uuid
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import quote, urlsplit

from rehearsal.clouds.cloudflare.certificates import TEAMS
from rehearsal.clouds.cloudflare.decide import COOKIE, Gate, Verdict
from rehearsal.clouds.cloudflare.forward import forward
from rehearsal.clouds.kit.listener import BadRequestError, Handler

if TYPE_CHECKING:
    from rehearsal.clouds.cloudflare.envelope import Record
    from rehearsal.clouds.cloudflare.hub import Hub
    from rehearsal.clouds.cloudflare.store import Store

_CERTS: Final = "/cdn-cgi/access/certs"
_LOGIN: Final = "/cdn-cgi/access/login/"
_TARGET: Final = ".cfargotunnel.com"
# What a visitor sends under these names is Cloudflare's to say, never the visitor's.
_OURS: Final = ("cf-", "x-forwarded-", "x-real-ip", "true-client-ip", "cdn-loop", "forwarded", "rehearsal-")


class Refusal(Exception):  # noqa: N818  (an answer, not a failure)
    """The edge answers by itself.

    Args:
        status: HTTP status.
        number: Cloudflare's number of the error, shown in the page.
    """

    def __init__(self, status: int, number: int) -> None:
        super().__init__(f"error code: {number}")
        self.status = status


class Edge:
    """What the edge knows.

    Args:
        store: DNS records and tunnels.
        hub: The connections of the connectors.
        gate: Access.
    """

    def __init__(self, store: Store, hub: Hub, gate: Gate) -> None:
        self._store, self.hub, self.gate = store, hub, gate
        self._fetched, self._lock = 0, threading.Lock()

    def certs(self) -> Record:
        """The certificates, counted."""
        with self._lock:
            self._fetched += 1
        return self.gate.keys.published()

    def certs_fetched(self) -> int:
        """How often the certificates were fetched."""
        with self._lock:
            return self._fetched

    def tunnel(self, host: str) -> str:
        """The tunnel that a hostname leads to.

        Raises:
            Refusal: No zone has the name (1001), no proxied record (1016), the record leads to no tunnel (the machine
                behind it is never contacted from a rehearsal), or the tunnel is gone (1033).
        """
        zones = self._store.all("zones").values()
        if not any(host == zone["name"] or host.endswith("." + zone["name"]) for zone in zones):
            raise Refusal(409, 1001)
        rows = [row for row in self._store.all("dns_records").values() if row["proxied"]]
        names = [host, "*." + host.partition(".")[2]]
        records = [row for name in names for row in rows if row["name"] == name]
        if not records:
            raise Refusal(530, 1016)
        content = str(records[0].get("content", ""))
        if not content.endswith(_TARGET):
            raise Refusal(523, 523)
        record = self._store.get("tunnels", content.removesuffix(_TARGET))
        if record is None or record["deleted_at"] is not None:
            raise Refusal(530, 1033)
        return str(record["id"])


class EdgeHandler(Handler):
    """Serves visitors; a subclass names the edge."""

    edge: ClassVar[Edge]

    def _serve(self) -> None:
        try:
            body = self.content()
            self._visit(self._host(), body)
        except BadRequestError:
            self.close_connection = True
            self.reply(400, b"Bad Request", [("Content-Type", "text/plain")])
        except Refusal as refusal:
            self.reply(refusal.status, str(refusal).encode(), [("Content-Type", "text/plain"), *_ray()])

    def _host(self) -> str:
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1:
            raise BadRequestError("one Host header, no more and no fewer")
        return str(hosts[0].rpartition(":")[0] or hosts[0]).lower()

    def _visit(self, host: str, body: bytes) -> None:
        path = urlsplit(self.path).path
        if path == _CERTS:
            self.reply_json(200, self.edge.certs())
            return
        if host.endswith(f".{TEAMS}"):
            self._log_in(path, body)
            return
        tunnel = self.edge.tunnel(host)
        verdict = self.edge.gate.judge(host, path, self._lower(), self._cookie(), self._address())
        if verdict.outcome == "pass":
            forward(self, self.edge.hub.links(tunnel), self._request(host, verdict), body)
        elif verdict.outcome == "forbidden":
            self.reply(403, b"Forbidden. You don't have permission to view this.", _ray())
        else:
            self._redirect(host, verdict.app or {})

    def _lower(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _cookie(self) -> str:
        try:
            cookie = SimpleCookie(self.headers.get("Cookie", "")).get(COOKIE)
        except CookieError:
            return ""
        # Programs that are no browser show the same token in a header (cloudflared access curl does).
        return cookie.value if cookie else self.headers.get("cf-access-token", "")

    def _address(self) -> str:
        """The visitor's address; tests name one, as all of them come from loopback."""
        named = self.headers.get("Rehearsal-Visitor", "")
        try:
            return str(ipaddress.ip_address(named))
        except ValueError:
            return str(self.client_address[0])

    def _redirect(self, host: str, app: Record) -> None:
        page = f"https://{self.edge.gate.team(app)}{_LOGIN}{host}?kid={app['aud']}"
        self.reply(302, b"", [("Location", f"{page}&redirect_url={quote(self.path, safe='')}"), *_ray()])

    def _log_in(self, path: str, body: bytes) -> None:
        """The test login: POST `{"email", "idp", "groups"}` to `/cdn-cgi/access/login/<hostname>[/path]`."""
        if not path.startswith(_LOGIN):
            raise Refusal(404, 1000)
        if self.command != "POST":
            self.reply(200, b"Rehearsal: POST an email as JSON to this address to log in.\n")
            return
        host, _, below = path.removeprefix(_LOGIN).partition("/")
        try:
            asked: Any = json.loads(body)
        except ValueError:
            raise BadRequestError("no JSON") from None
        session = self.edge.gate.log_in(host.lower(), f"/{below}", asked if isinstance(asked, dict) else {})
        if session is None:
            self.reply(403, b"That account does not have access.", _ray())
            return
        token, app = session
        kind = "; HttpOnly" if app.get("http_only_cookie_attribute", True) else ""
        cookie = f"{COOKIE}={token}; Path=/; Secure; SameSite={app.get('same_site_cookie_attribute') or 'None'}{kind}"
        self.reply(
            200, json.dumps({"token": token}).encode(), [("Set-Cookie", cookie), ("Content-Type", "application/json")]
        )

    def _request(self, host: str, verdict: Verdict) -> Record:
        """The visitor's request as the connector gets it: without what only Cloudflare may say, with what it says."""
        kept = [(n, v) for n, v in self.headers.items() if not n.lower().startswith(_OURS) and n.lower() != "host"]
        address = self._address()
        added = [("Cf-Connecting-Ip", address), ("X-Forwarded-For", address), ("X-Forwarded-Proto", "https")]
        added += [("Cf-Visitor", '{"scheme":"https"}'), ("Cdn-Loop", "cloudflare"), *_ray()]
        if verdict.assertion:
            added.append(("Cf-Access-Jwt-Assertion", verdict.assertion))
        if verdict.email:
            added.append(("Cf-Access-Authenticated-User-Email", verdict.email))
        return {"method": self.command, "target": self.path, "host": host, "headers": [*kept, *added]}

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve  # noqa: N815


def _ray() -> list[tuple[str, str]]:
    return [("Cf-Ray", f"{uuid.uuid4().hex[:16]}-XXX")]
