"""Access at the edge: which application a request belongs to, who asks, and what may follow."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rehearsal.clouds.cloudflare.access import domains, reference
from rehearsal.clouds.cloudflare.durations import seconds
from rehearsal.clouds.cloudflare.envelope import Record, Request, need, success
from rehearsal.clouds.cloudflare.rules import Visitor, decision
from rehearsal.clouds.cloudflare.service_tokens import holder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.clouds.cloudflare.routing import Router
    from rehearsal.clouds.cloudflare.signing import Keys
    from rehearsal.clouds.cloudflare.store import Store

COOKIE: Final = "CF_Authorization"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a request.

    Attributes:
        outcome: `pass`, `login` (send to the login page) or `forbidden`.
        assertion: The signed JWT for the origin, empty where nothing vouches (no application, bypass).
        app: The application, None when no one protects the path.
        email: Address of the user, for the header that names it.
    """

    outcome: str
    assertion: str = ""
    app: Record | None = None
    email: str = ""


class Gate:
    """The decisions.

    Args:
        store: Applications, policies, groups, tokens.
        keys: What signs.
    """

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store, self.keys = store, keys

    def mount(self, router: Router) -> None:
        """Enters the calls that end sessions."""
        router.add("POST", "/accounts/{account}/access/organizations/revoke_user", self._revoke_user)
        router.add("POST", "/accounts/{account}/access/apps/{app}/revoke_tokens", self._revoke_app)

    def _revoke(self, subject: str) -> None:
        with self._store.change() as data:
            data["revoked"][subject] = self._store.now()

    def _revoke_user(self, request: Request, account: str) -> Record:  # noqa: ARG002
        need(request.body, "email", code=12130)
        self._revoke(str(request.body["email"]).lower())
        return success(True)

    def _revoke_app(self, _request: Request, account: str, app: str) -> Record:  # noqa: ARG002
        self._revoke(app)
        return success({})

    def app(self, host: str, path: str) -> Record | None:
        """The application that protects this path, the most exact of several."""
        best: tuple[tuple[bool, int], Record] | None = None
        for app in self._store.all("apps").values():
            for domain in domains(app):
                name, _, below = domain.partition("/")
                if not _covers(name, host) or not _below(below, path):
                    continue
                rank = ("*" not in name, len(below))
                if best is None or rank > best[0]:
                    best = (rank, app)
        return best[1] if best else None

    def team(self, app: Record) -> str:
        """The team domain of an application's account."""
        scope, _, owner = app["owner"].partition("/")
        account = owner if scope == "accounts" else self._store.get("zones", owner)["account"]
        return f"{self._store.get('accounts', account)['team']}.cloudflareaccess.com"

    def _policies(self, app: Record) -> list[Record]:
        rows, kept = [], self._store.all("policies")
        listed = app.get("policies") or []
        for number, entry in enumerate(listed, 1):
            key = reference(entry)
            policy = entry if key is None else kept.get(key)
            place = entry.get("precedence", number) if isinstance(entry, dict) else number
            if policy:
                rows.append((place, policy))
        return [policy for _, policy in sorted(rows, key=lambda row: int(row[0]))]

    def judge(self, host: str, path: str, headers: Mapping[str, str], cookie: str, address: str) -> Verdict:
        """What becomes of a request for `path` of `host`.

        Args:
            host: Hostname, lower case.
            path: Path without query.
            headers: The visitor's headers, names in lower case.
            cookie: Value of the session cookie, empty for none.
            address: Where the visitor comes from.
        """
        app = self.app(host, path)
        if app is None:
            return Verdict("pass")
        client, secret = headers.get("cf-access-client-id", ""), headers.get("cf-access-client-secret", "")
        token = holder(self._store, client, secret) if client else None
        visitor = Visitor(service_token=token["id"] if token else "", address=address)
        outcome = decision(self._policies(app), visitor, self._store.all("groups"))
        if outcome == "bypass":
            return Verdict("pass", "", app)
        if outcome == "non_identity" and token:
            return Verdict("pass", self._assert(app, {"common_name": token["client_id"], "sub": ""}), app)
        session = self.keys.read(cookie, app["aud"]) if cookie else None
        if session and not self._revoked(app, session):
            return Verdict("pass", cookie, app, session.get("email", ""))
        return Verdict("forbidden" if client else "login", "", app)

    def _revoked(self, app: Record, session: Record) -> bool:
        limits = self._store.all("revoked")
        subjects = (app["id"], str(session.get("email", "")).lower())
        return any(session["iat"] <= limits[subject] for subject in subjects if subject in limits)

    def log_in(self, host: str, path: str, body: Record) -> tuple[str, Record] | None:
        """The session of a test user for the application at that path, None when its policies do not let the user in.

        Args:
            host: Hostname of the application.
            path: Path of the application.
            body: `email`, and `idp` (id of an identity provider) and `groups` as the provider would tell them.
        """
        app = self.app(host, path)
        if app is None or not body.get("email"):
            return None
        idp = str(body.get("idp", ""))
        if app.get("allowed_idps") and idp not in app["allowed_idps"]:
            return None
        visitor = Visitor(str(body["email"]), idp, frozenset(body.get("groups", [])), address="127.0.0.1")
        if decision(self._policies(app), visitor, self._store.all("groups")) != "allow":
            return None
        # The subject stays the same for one person, as Access's own user id does.
        person = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{visitor.email.lower()}.example.com"))
        return self._assert(app, {"email": visitor.email, "sub": person, "country": "XX"}), app

    def _assert(self, app: Record, who: Record) -> str:
        now = self._store.now()
        until = now + seconds(app.get("session_duration") or "24h")
        claims = {"aud": [app["aud"]], "exp": int(until), "iat": int(now), "nbf": int(now), "type": "app"}
        claims |= {"iss": f"https://{self.team(app)}", "identity_nonce": secrets.token_urlsafe(12), **who}
        return self.keys.sign(claims)


def _covers(pattern: str, host: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and host != pattern[2:]
    return pattern.lower() == host


def _below(prefix: str, path: str) -> bool:
    """Whether a path is the prefix itself or below it; `*` at its end says the same."""
    plain = "/" + prefix.rstrip("*").strip("/")
    return plain in ("/", path) or path.startswith(plain + "/")
