"""Who calls, and for which account: API tokens, accounts, the Access organization."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from rehearsal.clouds.cloudflare.envelope import ApiError, Record, Request, only, page, success
from rehearsal.clouds.cloudflare.permissions import permissions
from rehearsal.clouds.cloudflare.store import moment, stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.clouds.cloudflare.routing import Router
    from rehearsal.clouds.cloudflare.store import Store


def digest(secret: str) -> str:
    """What is kept of a secret in place of the secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Accounts:
    """Accounts and the API tokens that open them.

    Args:
        store: The state.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def mount(self, router: Router) -> None:
        """Enters the calls."""
        router.add("GET", "/user/tokens/verify", self._verified)
        router.add("GET", "/accounts", self._list)
        router.add("GET", "/accounts/{account}", self._one)
        router.add("GET", "/accounts/{account}/tokens/verify", self._verified)
        router.add("GET", "/accounts/{account}/access/organizations", self._organization)

    def authenticate(self, header: str | None, request: Request) -> Record:
        """Checks the bearer token of a call; its row, with `permissions`.

        Raises:
            ApiError: There is none, or it is malformed or unknown.
        """
        if not header:
            raise ApiError(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
        kind, _, secret = header.partition(" ")
        if kind.lower() != "bearer" or not secret.strip():
            chain = [(6111, "Invalid format for Authorization header")]
            raise ApiError(400, 6003, "Invalid request headers", chain)
        token = self._token(secret.strip())
        if token is None:
            if request.path.endswith("/tokens/verify"):
                raise ApiError(401, 1000, "Invalid API Token")
            raise ApiError(403, 9109, "Invalid access token")
        return token

    def _token(self, secret: str) -> Record | None:
        token: Record | None = self._store.get("api_tokens", digest(secret))
        if token is None or token["status"] != "active":
            return None
        if token.get("expires_on") and moment(token["expires_on"]) <= self._store.now():
            return None
        return token

    def _verified(self, request: Request, account: str = "") -> Record:  # noqa: ARG002
        # Reached only with a token that is active; the reference answers its id, status and this message.
        message = {"code": 10000, "message": "This API Token is valid and active", "type": None}
        return {**success({"id": request.caller, "status": "active"}), "messages": [message]}

    def _list(self, request: Request) -> Record:
        return page(only(list(self._store.all("accounts").values()), request.query, "name"), request.query)

    def _one(self, _request: Request, account: str) -> Record:
        return success(self.account(account))

    def account(self, account: str) -> Record:
        """One account.

        Raises:
            ApiError: There is none of that id.
        """
        record: Record | None = self._store.get("accounts", account)
        if record is None:
            raise ApiError(
                404, 7003, f"Could not route to /accounts/{account}, perhaps your object identifier is invalid?"
            )
        return record

    def with_access(self, account: str) -> Record:
        """One account, in which somebody has opened Zero Trust once and chosen a team's name.

        Raises:
            ApiError: There is none of that id; or nobody has: every call below `/access` is refused then.
        """
        record = self.account(account)
        if not record["team"]:
            # Number and words as accounts answer them; which status it comes with is nowhere written.
            text = "Access is not enabled. Visit the Access dashboard at https://dash.cloudflare.com/ and click the "
            raise ApiError(403, 9999, f"access.api.error.not_enabled: {text}'Enable Access' button.")
        return record

    def _organization(self, _request: Request, account: str) -> Record:
        record = self.with_access(account)
        return success(
            {
                "auth_domain": f"{record['team']}.cloudflareaccess.com",
                "name": record["name"],
                "created_at": record["created_on"],
                "updated_at": record["created_on"],
                "session_duration": "24h",
                "is_ui_read_only": False,
            },
        )


def seed(store: Store, accounts: dict[str, Record], tokens: Mapping[str, str | Mapping[str, str]]) -> None:
    """Puts in what exists before the first call; what is there already stays.

    Args:
        store: The state.
        accounts: Id to `{"name", "team", "zones": {id: name}}`; an empty team: Zero Trust was never opened.
        tokens: API token to its permissions by name, each `edit` or `read`; one of these words stands for all of them.
    """
    created = stamp(store.now())
    with store.change() as data:
        for account, about in accounts.items():
            record = {
                "id": account,
                "name": about["name"],
                "team": about["team"],
                "type": "standard",
                "created_on": created,
            }
            data["accounts"].setdefault(account, record)
            for zone, name in about.get("zones", {}).items():
                data["zones"].setdefault(zone, {"id": zone, "name": name, "account": account, "created_on": created})
        for secret, held in tokens.items():
            mark = digest(secret)
            row = {"id": mark[:32], "status": "active"}
            data["api_tokens"][mark] = {**row, **data["api_tokens"].get(mark, {}), "permissions": permissions(held)}
