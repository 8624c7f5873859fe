"""Finds and removes what a stack made in Cloudflare and does not know of.

The answer to a POST was lost, or the run was killed before it came.

Cloudflare has no idempotency keys. A second tunnel or record of one name is refused for ever (409, 1013; 400, 81057), a
second application, policy or service token is made without a word. All that a stack makes there ends in the stack's
mark: a random word, made first and kept in the state. So what bears the mark and is not in the state is the stack's own
orphan, and nobody else's.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cloudflare import APIError, APIStatusError, Cloudflare
from cloudflare.pagination import SyncV4PagePaginationArray

from homeport.cli import proxies
from homeport.cli.unreadable import NEWER, UNREADABLE, unreadable
from homeport.model import fixes, names
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PUBLIC = "https://api.cloudflare.com/client/v4"
PERMISSIONS = (
    "DNS",
    "Cloudflare Tunnel",
    "Access: Apps and Policies",
    "Access: Service Tokens",
    "Access: Organizations, Identity Providers, and Groups",
)
"""What a stack with a tunnel asks of its API token, as the dashboard calls it; each to edit."""
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


def client(token: str, base: str = PUBLIC) -> Cloudflare:
    """Cloudflare's own client.

    Args:
        token: API token; it needs no more than the stack's own does.
        base: Where the API is.

    Raises:
        ToolError: That is no URL, or the environment's proxy cannot be used.
    """
    if urlsplit(base).scheme not in {"http", "https"}:
        raise ToolError(f"cloudflare:baseUrl {base!r} is no URL\n  fix: {fixes.drop_command('cloudflare:baseUrl')}")
    proxies.refuse_unusable()
    api = Cloudflare(api_token=token, base_url=base, timeout=_SECONDS)
    # Out of CLOUDFLARE_EMAIL and its like the client takes another way to sign in, which wins over the token.
    api.api_email = api.api_key = api.user_service_key = None
    return api


def rows(api: Cloudflare, path: str) -> Iterator[dict[str, Any]]:
    """All rows of a list, by path: the client's typed methods cost three seconds of imports.

    Raises:
        ToolError: Cloudflare refuses or does not answer.
    """
    query = {"page": 1, "per_page": _PER_PAGE, **({"is_deleted": "false"} if path.endswith("cfd_tunnel") else {})}
    with refusals(f"GET {path}"):
        yield from api.get_api_list(path, model=object, page=SyncV4PagePaginationArray[Any], options={"params": query})


@contextmanager
def refusals(call: str) -> Iterator[None]:
    """Turns the client's errors into ours, with Cloudflare's own numbers and words."""
    try:
        yield
    except APIStatusError as error:
        raise ToolError(
            f"Cloudflare refuses {call}: {error.status_code} {error.response.text[:2000]}\n"
            f"  {_advice(error.status_code)}"
        ) from None
    except APIError as error:
        reason = error.__cause__ or error
        raise ToolError(f"Cloudflare does not answer {call}: {reason}\n  fix: try again") from None
    except UNREADABLE as error:
        raise ToolError(f"Cloudflare's answer to {call} is not read: {unreadable(error)}\n  fix: {NEWER}") from None


def _advice(status: int) -> str:
    if status in {401, 403}:
        scopes = ", ".join(f"{name}:Edit" for name in PERMISSIONS)
        return f"fix: give the API token {scopes}; if it is a new one: {fixes.keep('cloudflare-api-token')}"
    return "fix: try again; if it stays: https://www.cloudflarestatus.com"


def mark(state: dict[str, Any]) -> str:
    """The stack's mark; empty where the state has none yet, and then nothing was made either."""
    kind = "random:index/randomId:RandomId"
    resources = [resource for resource in state.get("resources") or [] if resource.get("type") == kind]
    values = [str(item["outputs"]["hex"]) for item in resources if names.logical(item["urn"]) == names.MARK]
    return values[0] if values else ""


def bears(row: Mapping[str, Any], field: str, word: str) -> bool:
    """Whether that field of an object at Cloudflare ends in the stack's mark; none does where it has none yet."""
    return bool(word) and str(row.get(field) or "").endswith((f" {word}", f"-{word}"))


def orphans(state: dict[str, Any], api: Cloudflare, account: str, zone: str) -> list[Orphan]:
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
    known = {item.get("id") for item in resources if str(item.get("type", "")).startswith("cloudflare:")}
    unknown: list[Orphan] = []
    for kind, template, field in _LISTS:
        path = template.format(account=account, zone=zone)
        with refusals(f"GET {path}"):
            for row in rows(api, path):
                if bears(row, field, word) and row["id"] not in known:
                    name = str(row.get("name") or row[field])
                    unknown.append(Orphan(kind, f"{path}/{row['id']}", name, len(row.get("connections") or [])))
    return unknown


def gone(state: dict[str, Any], api: Cloudflare, account: str, zone: str) -> list[str]:
    """The URNs of what the state has and Cloudflare has no more: the answer to a DELETE was lost.

    The provider takes a second DELETE's 404 for an error, so every later update would fail; a refresh drops them.
    What the state has in another account or zone, which the settings named before, is not looked for here: it is there.

    Raises:
        ToolError: Cloudflare refuses or does not answer.
    """
    resources = state.get("resources") or []
    known = {
        item["id"]: item["urn"]
        for item in resources
        if item["type"].startswith("cloudflare:index/") and _owner(item) in {account, zone}
    }
    paths = [template.format(account=account, zone=zone) for _, template, _ in _LISTS] if known else []
    with refusals("GET of what the state has"):
        existing = {row["id"] for path in paths for row in rows(api, path)}
    return [urn for key, urn in known.items() if key not in existing]


def _owner(resource: dict[str, Any]) -> str:
    """The id of the account or the zone that an object of the state was made in."""
    inputs = resource.get("inputs") or {}
    return str(inputs.get("accountId") or inputs.get("zoneId") or "")


def remove(orphans: list[Orphan], api: Cloudflare) -> None:
    """Removes orphans; the next update makes anew what is missing.

    Raises:
        ToolError: A tunnel among them is in use, so it is none; nothing was removed. Or Cloudflare refuses.
    """
    used = [orphan for orphan in orphans if orphan.connections]
    if used:
        tunnels = ", ".join(f"{orphan.name} ({orphan.connections} connections)" for orphan in used)
        raise ToolError(
            f"Cloudflare: a tunnel of this stack that the state does not know is in use: {tunnels}\n"
            "  Its connector was set up by another state of this stack, or by hand.\n"
            "  fix: systemctl stop cloudflared, where it runs; then repair again"
        )
    for orphan in orphans:
        with refusals(f"DELETE {orphan.path}"):
            api.delete(orphan.path, cast_to=object)
