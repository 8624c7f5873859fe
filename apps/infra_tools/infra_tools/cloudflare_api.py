"""Cloudflare through its own client, by paths: its typed methods cost seconds of imports.

A request that makes something is never sent twice: Cloudflare has no idempotency keys and makes a second policy of one
name without a word. What is refused for too many calls was not done, and is sent again after the time it asks for.
"""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING, Any, Final

from cloudflare import APIError, APIStatusError, Cloudflare
from cloudflare.pagination import SyncV4PagePaginationArray

from infra_tools.console import USAGE, ToolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from infra_tools.console import Console
    from infra_tools.settings import Settings

TOKEN: Final = "CLOUDFLARE_API_TOKEN"  # noqa: S105  # a variable's name
ACCOUNT: Final = "CLOUDFLARE_ACCOUNT_ID"
ZONE: Final = "CLOUDFLARE_ZONE_ID"
TUNNEL: Final = "CLOUDFLARE_TUNNEL_ID"
_SECONDS: Final = 30
_PER_PAGE: Final = 50
_TRIES, _LONGEST_WAIT = 5, 60.0
_TOO_MANY, _FORBIDDEN, _UNAUTHORIZED, _MISSING = 429, 403, 401, 404
_MARKED: Final = re.compile(r"homeport ([0-9a-f]{4,})")
_HOST: Final = re.compile(r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
_NEEDED: Final = (
    ("/dns_records", "Zone > DNS"),
    ("/settings", "Zone > Zone Settings"),
    ("/pagerules", "Zone > Page Rules"),
    ("/rulesets", "Zone > Transform Rules (to read)"),
    ("/purge_cache", "Zone > Cache Purge"),
    ("/cfd_tunnel", "Account > Cloudflare Tunnel"),
    ("/access/identity_providers", "Account > Access: Organizations, Identity Providers, and Groups"),
    ("/access/organizations", "Account > Access: Organizations, Identity Providers, and Groups"),
    ("/access", "Account > Access: Apps and Policies"),
    ("/zones", "Zone > Zone (to read)"),
)


class RefusedError(ToolError):
    """Cloudflare's own refusal.

    Args:
        message: For the user.
        status: HTTP status.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """The client for one account and one zone.

    Args:
        settings: Where the variables are.
        console: What must never show the token.
        names: Further variables that are needed.

    Raises:
        ToolError: A variable is missing.
    """

    def __init__(self, settings: Settings, console: Console, *names: str) -> None:
        known = settings.need(TOKEN, ACCOUNT, ZONE, *names)
        console.hide([known[TOKEN]])
        os.environ.pop("CLOUDFLARE_LOG", None)  # it would log requests
        self._client = Cloudflare(api_token=known[TOKEN], timeout=_SECONDS, max_retries=0)
        # Out of CLOUDFLARE_EMAIL and its like the client takes another way to sign in, which wins over the token.
        self._client.api_email = self._client.api_key = self._client.user_service_key = None
        self.account, self.zone = f"/accounts/{known[ACCOUNT]}", f"/zones/{known[ZONE]}"
        self.tunnel = known.get(TUNNEL, "")
        self._zone_name = ""
        self._marks: frozenset[str] | None = None

    def get(self, path: str) -> Any:
        """One object."""
        return self._call("GET", path, lambda: self._client.get(path, cast_to=object))["result"]

    def rows(self, path: str, query: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """All rows of a list, whatever number of pages it has."""
        wanted = {"page": 1, "per_page": _PER_PAGE, **(query or {})}

        def ask() -> list[dict[str, Any]]:
            pages = self._client.get_api_list(
                path, model=object, page=SyncV4PagePaginationArray[Any], options={"params": wanted}
            )
            return list(pages)

        return self._call("GET", path, ask)  # type: ignore[no-any-return]

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """Makes, changes or removes something."""
        acts = {
            "POST": lambda: self._client.post(path, cast_to=object, body=body),
            "PUT": lambda: self._client.put(path, cast_to=object, body=body),
            "PATCH": lambda: self._client.patch(path, cast_to=object, body=body),
            "DELETE": lambda: self._client.delete(path, cast_to=object),
        }
        return self._call(method, path, acts[method])["result"]

    def _call(self, method: str, path: str, act: Any) -> Any:
        for left in reversed(range(_TRIES)):
            try:
                answer = act()
                if isinstance(answer, dict) and "result" not in answer:
                    break
                return answer if isinstance(answer, list) else dict(answer)
            except APIStatusError as problem:
                if problem.status_code == _TOO_MANY and left:
                    time.sleep(_wait(problem))
                    continue
                raise _refused(method, path, problem) from None
            except APIError as problem:
                # A question may be asked again; what may have been done is looked at by the next run.
                if method == "GET" and left > _TRIES - 3:
                    continue
                reason = type(problem.__cause__ or problem).__name__
                raise ToolError(
                    f"Cloudflare does not answer {method} {path} ({reason})\n"
                    "fix: run this again: it goes on where it was"
                ) from None
            except (TypeError, ValueError):
                break
        raise ToolError(f"the answer to {method} {path} is none of Cloudflare's API\nfix: unset CLOUDFLARE_BASE_URL")

    @property
    def zone_name(self) -> str:
        """The zone's domain."""
        if not self._zone_name:
            self._zone_name = str(self.get(self.zone)["name"])
        return self._zone_name

    def host(self, name: str, variable: str) -> str:
        """A host name as it is compared: small letters, no last dot.

        Raises:
            ToolError: It is none, or not in the zone.
        """
        host = name.strip().lower().rstrip(".")
        try:
            # As DNS has it: a name in another script is a name too.
            host = host.encode("idna").decode()
        except UnicodeError:
            host = ""
        if not _HOST.fullmatch(host):
            raise ToolError(f"{variable}: {name!r} is no host name\nfix: name one such as app.{self.zone_name}", USAGE)
        if host != self.zone_name and not host.endswith(f".{self.zone_name}"):
            raise ToolError(f"{variable}: {host} is not in the zone {self.zone_name}\nfix: check {ZONE}", USAGE)
        return host

    def owned(self, named: str | None) -> bool:
        """Whether a homeport stack made an object: its name, or its comment, ends in the mark of one."""
        if self._marks is None:
            comments = (str(row.get("comment") or "") for row in self.rows(f"{self.zone}/dns_records"))
            self._marks = frozenset(found[1] for text in comments if (found := _MARKED.fullmatch(text)))
        text = str(named or "")
        return any(text.endswith((f" {mark}", f"-{mark}")) for mark in self._marks)


def warn_owned(console: Console, what: str) -> None:
    """Says that a homeport stack will put back what is changed here."""
    console.warn(
        f"warning: {what} was made by a homeport stack, whose next update undoes what is changed here\n"
        "fix: change the stack's settings instead, then: homeport up"
    )


def list_of(text: str) -> list[str]:
    """The parts of a list with commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def one_of(rows: Iterable[dict[str, Any]], what: str) -> dict[str, Any] | None:
    """The only row, or none.

    Raises:
        ToolError: There are several, and no telling which is meant.
    """
    found = list(rows)
    if len(found) > 1:
        ids = ", ".join(str(row.get("id")) for row in found)
        raise ToolError(f"there are {len(found)} of {what}: {ids}\nfix: remove all but one in Cloudflare's dashboard")
    return found[0] if found else None


def _wait(problem: APIStatusError) -> float:
    text = problem.response.headers.get("retry-after", "")
    seconds = float(text) if text.replace(".", "", 1).isdigit() else 1.0
    return min(seconds, _LONGEST_WAIT)


def _refused(method: str, path: str, problem: APIStatusError) -> RefusedError:
    try:
        errors = problem.response.json()["errors"]
        words = "; ".join(f"{error['code']} {error['message']}" for error in errors)[:500]
    except (ValueError, KeyError, TypeError):
        words = "no answer of its API"
    if problem.status_code in (_UNAUTHORIZED, _FORBIDDEN):
        needed = next((name for part, name in _NEEDED if part in path), "")
        fix = f"check {TOKEN}; it needs {needed}" if needed else f"check {TOKEN}"
    elif problem.status_code == _MISSING:
        fix = f"check {ACCOUNT}, {ZONE} and {TUNNEL}"
    elif problem.status_code == _TOO_MANY:
        fix = "run this again in a few minutes: it goes on where it was"
    else:
        fix = "correct what it names; if it is Cloudflare's fault: https://www.cloudflarestatus.com"
    return RefusedError(
        f"Cloudflare refuses {method} {path}: {problem.status_code} {words}\nfix: {fix}", problem.status_code
    )
