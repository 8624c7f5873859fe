"""Finds and removes what a stack made in Cloudflare and does not know of: the answer to a POST was lost, or the run was killed before it came.

Cloudflare has no idempotency keys. A second tunnel or record of one name is refused for ever (409, 1013; 400, 81057), a second application, policy
or service token is made without a word. All that a stack makes there ends in the stack's mark: a random word, made first and
kept in the state. So what bears the mark and is not in the state is the stack's own orphan, and nobody else's.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from homeport.model import names
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator

PUBLIC = "https://api.cloudflare.com/client/v4"
_PER_PAGE = 50
_SECONDS = 30
_LISTS = (
    # What is named first is removed first: a name must not outlive its guard, nor an application its policy.
    ("DNS record", "/zones/{zone}/dns_records", "comment"),
    ("Access application", "/accounts/{account}/access/apps", "name"),
    ("Access policy", "/accounts/{account}/access/policies", "name"),
    ("service token", "/accounts/{account}/access/service_tokens", "name"),
    ("identity provider", "/accounts/{account}/access/identity_providers", "name"),
    ("tunnel", "/accounts/{account}/cfd_tunnel", "name"),
)


@dataclass(frozen=True)
class Orphan:
    """An object that bears the mark and is not in the state.

    Attributes:
        kind: For people.
        path: Where the API has it.
        name: For people.
        connections: Of a tunnel: how many connectors' connections stand.
    """

    kind: str
    path: str
    name: str
    connections: int = 0


@dataclass(frozen=True)
class Api:
    """Cloudflare's API.

    Attributes:
        token: API token; it needs no more than the stack's own does.
        base: Where the API is.
    """

    token: str
    base: str = PUBLIC

    def __repr__(self) -> str:
        return f"Api(base={self.base!r})"

    def call(self, method: str, path: str, **query: str) -> dict[str, Any]:
        """One call's whole answer.

        Raises:
            ToolError: It failed; the text has Cloudflare's own numbers and words.
        """
        if urlsplit(self.base).scheme not in {"http", "https"}:
            raise ToolError(
                f"cloudflare:baseUrl {self.base!r} is no URL\n  mend it: pulumi config rm cloudflare:baseUrl"
            )
        asked = f"{self.base}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(asked, method=method, headers=headers)  # noqa: S310  # looked at above
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310  # looked at above
                found: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            said = error.read(2000).decode(errors="replace")
            raise ToolError(f"Cloudflare refuses {method} {path}: {error.code} {said}\n  {_mend(error.code)}") from None
        except (OSError, ValueError) as error:
            raise ToolError(f"Cloudflare does not answer {method} {path}: {error}\n  mend it: try again") from None
        return found

    def rows(self, path: str) -> Iterator[dict[str, Any]]:
        """All rows of a list."""
        page = 1
        while True:
            query = {"page": str(page), "per_page": str(_PER_PAGE)}
            rows = self.call("GET", path, **query, **({"is_deleted": "false"} if path.endswith("cfd_tunnel") else {}))
            yield from rows["result"] or []
            if len(rows["result"] or []) < _PER_PAGE:
                return
            page += 1


def _mend(status: int) -> str:
    if status in {401, 403}:
        scopes = "Cloudflare Tunnel:Edit, Access: Apps and Policies:Edit, Access: Service Tokens:Edit, DNS:Edit"
        return f"mend it: give the API token {scopes}; then: pulumi config set --secret homeport:cloudflare-api-token"
    return "mend it: try again; if it stays: https://www.cloudflarestatus.com"


def mark(state: dict[str, Any]) -> str:
    """The stack's mark; empty where the state has none yet, and then nothing was made either."""
    kind = "random:index/randomId:RandomId"
    found = [one for one in state.get("resources") or [] if one.get("type") == kind]
    values = [str(one["outputs"]["hex"]) for one in found if names.logical(one["urn"]) == names.MARK]
    return values[0] if values else ""


def orphans(state: dict[str, Any], api: Api, account: str, zone: str) -> list[Orphan]:
    """What bears the stack's mark and is not in its state.

    Args:
        state: As ``pulumi stack export`` has it; no update may be running.
        api: Cloudflare.
        account: The account's id.
        zone: The zone's id.

    Raises:
        ToolError: Cloudflare refuses or does not answer.
    """
    word = mark(state)
    if not word:
        return []
    resources = state.get("resources") or []
    known = {one.get("id") for one in resources if str(one.get("type", "")).startswith("cloudflare:")}
    found: list[Orphan] = []
    for kind, path, field in _LISTS:
        where = path.format(account=account, zone=zone)
        for row in api.rows(where):
            called = str(row.get(field) or "")
            ours = called.endswith((f" {word}", f"-{word}"))
            if ours and row["id"] not in known:
                shown = str(row.get("name") or called)
                found.append(Orphan(kind, f"{where}/{row['id']}", shown, len(row.get("connections") or [])))
    return found


def gone(state: dict[str, Any], api: Api, account: str, zone: str) -> list[str]:
    """The URNs of what the state has and Cloudflare has no more: the answer to a DELETE was lost.

    The provider takes a second DELETE's 404 for an error, so every later update would fail; a refresh drops them.

    Raises:
        ToolError: Cloudflare refuses or does not answer.
    """
    known = {
        one["id"]: one["urn"] for one in state.get("resources") or [] if one["type"].startswith("cloudflare:index/")
    }
    lists = [path.format(account=account, zone=zone) for _, path, _ in _LISTS] if known else []
    there = {row["id"] for path in lists for row in api.rows(path)}
    return [urn for key, urn in known.items() if key not in there]


def remove(found: list[Orphan], api: Api) -> None:
    """Removes orphans; the next update makes anew what is missing.

    Raises:
        ToolError: A tunnel among them is in use, so it is none; nothing was removed. Or Cloudflare refuses.
    """
    used = [one for one in found if one.connections]
    if used:
        tunnels = ", ".join(f"{one.name} ({one.connections} connections)" for one in used)
        raise ToolError(
            f"Cloudflare: a tunnel of this stack that the state does not know is in use: {tunnels}\n"
            "  Its connector was set up by another state of this stack, or by hand.\n"
            "  mend it: systemctl stop cloudflared, where it runs; then repair again"
        )
    for one in found:
        api.call("DELETE", one.path)
