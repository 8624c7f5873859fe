"""Finds and removes what a killed run made at Hetzner Cloud and could not note: the answer was lost, or nobody was there to read it.

Names are unique there, so an orphan refuses every later update (`uniqueness_error`). All that a stack makes carries its label; what
carries it, was made after the killed run began, and is not in the state, is the run's own.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from math import inf
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator

PUBLIC = "https://api.hetzner.cloud/v1"
# Servers first: what hangs on them can go only after them.
_KINDS = ("servers", "firewalls", "primary_ips", "ssh_keys", "volumes", "networks")
_SECONDS = 30
_BUSY = frozenset({"locked", "conflict", "resource_in_use", "rate_limit_exceeded"})
"""What passes by itself: another action works on it, or the server it hung on is not quite gone (https://docs.hetzner.cloud, "Errors")."""
_PAUSE = 1.0
_PATIENCE = 180.0
"""Seconds for one removal. The API answers at once, and the server with its name is there until its action has ended."""


class RefusedError(ToolError):
    """Hetzner's API answered with an error.

    Attributes:
        code: Its own word for it, such as ``uniqueness_error``; empty when it gave none.
    """

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Orphan:
    """An object that carries the stack's label and is not in its state."""

    kind: str
    id: int
    name: str


@dataclass(frozen=True)
class Api:
    """Hetzner Cloud's API.

    Attributes:
        token: A project's API token with the right to write.
        base: Where the API is.
    """

    token: str
    base: str = PUBLIC

    def __repr__(self) -> str:
        return f"Api(base={self.base!r})"

    def call(self, method: str, path: str, **query: str) -> dict[str, Any]:
        """One call's whole answer; empty for a deletion.

        Raises:
            ToolError: It failed; the text has Hetzner's own code and words.
        """
        if urlsplit(self.base).scheme not in {"http", "https"}:
            raise ToolError(f"hcloud:endpoint {self.base!r} is no URL\n  mend it: pulumi config rm hcloud:endpoint")
        asked = f"{self.base}/{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(asked, method=method, headers=headers)  # noqa: S310  # looked at above
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310  # looked at above
                said = answer.read()
        except urllib.error.HTTPError as error:
            told = error.read(2000).decode(errors="replace")
            raise RefusedError(
                f"Hetzner Cloud refuses {method} {path}: {error.code} {told}\n"
                "  mend it: pulumi config set --secret homeport:hcloud-token, if the token is wrong; else try again",
                _code(told),
            ) from None
        except OSError as error:
            raise ToolError(f"Hetzner Cloud does not answer {method} {path}: {error}\n  mend it: try again") from None
        found: dict[str, Any] = json.loads(said) if said else {}
        return found

    def rows(self, kind: str, label: str) -> Iterator[dict[str, Any]]:
        """All objects of a kind with a label."""
        page: int | None = 1
        while page:
            said = self.call("GET", kind, label_selector=label, page=str(page), per_page="50")
            yield from said[kind]
            page = said["meta"]["pagination"]["next_page"]


def orphans(state: dict[str, Any], api: Api, stack: str, since: float, until: float = inf) -> list[Orphan]:
    """What carries the stack's label, was made between `since` and `until` (seconds of the epoch), and is not in the state.

    Raises:
        ToolError: Hetzner refuses or does not answer.
    """
    resources = state.get("resources") or []
    known = {str(one.get("id")) for one in resources if str(one.get("type", "")).startswith("hcloud:")}
    return [
        Orphan(kind, row["id"], row["name"])
        for kind in _KINDS
        for row in api.rows(kind, f"homeport.stack={stack}")
        # Its clock and ours may differ by a little; a run that made nothing in its first seconds loses nothing by that.
        if str(row["id"]) not in known and since - 5 < datetime.fromisoformat(row["created"]).timestamp() < until + 60
    ]


def remove(found: list[Orphan], api: Api, seconds: float = _PATIENCE) -> None:
    """Removes orphans in the order given, and returns when they are gone: until then their names are taken.

    Args:
        found: The orphans.
        api: Where they are.
        seconds: How long one may take.

    Raises:
        ToolError: Hetzner refuses, or one is still there after that time.
    """
    for one in found:
        end = time.monotonic() + seconds
        action = _delete(one, api, end)
        while action.get("status") == "running" and time.monotonic() < end:
            time.sleep(_PAUSE)
            action = api.call("GET", f"actions/{action['id']}")["action"]
        if action.get("status", "success") != "success":
            why = (action.get("error") or {}).get("message") or f"still at it after {seconds:.0f} s"
            raise ToolError(
                f"Hetzner Cloud has not removed {one.kind} {one.name} ({one.id}), which a killed or failed run left: {why}\n"
                "  mend it: try again; or remove it in Hetzner's console"
            )


def _delete(one: Orphan, api: Api, end: float) -> dict[str, Any]:
    """The action that removes it; empty if it is gone already."""
    while True:
        try:
            said = api.call("DELETE", f"{one.kind}/{one.id}")
        except RefusedError as refused:
            if refused.code == "not_found":
                return {}
            if refused.code not in _BUSY or time.monotonic() > end:
                raise
        else:
            return said.get("action") or {}
        time.sleep(_PAUSE)


def _code(told: str) -> str:
    try:
        return str(json.loads(told)["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return ""
