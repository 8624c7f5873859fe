"""Finds and removes what a killed run made at Hetzner Cloud and could not note.

The answer was lost, or nobody was there to read it.

Names are unique there, so an orphan refuses every later update (`uniqueness_error`). All that a stack makes carries its
label; what carries it, was made after the killed run began, and is not in the state, is the run's own.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hcloud import APIException, Client
from hcloud.actions import ActionFailedException, ActionTimeoutException

from homeport.cli import proxies
from homeport.cli.unreadable import NEWER, UNREADABLE, unreadable
from homeport.model import fixes
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PUBLIC = "https://api.hetzner.cloud/v1"
# Servers first: what hangs on them can go only after them.
_KINDS = {
    "servers": "Server",
    "firewalls": "Firewall",
    "primary_ips": "PrimaryIp",
    "ssh_keys": "SshKey",
    "volumes": "Volume",
    "networks": "Network",
}
"""As the API calls them, and as Pulumi does."""
_SECONDS = 10
"""For one answer; the client asks five times more when there is none."""
_BUSY = frozenset({"locked", "conflict", "resource_in_use", "rate_limit_exceeded"})
"""What passes by itself: another action works on it, or the server it hung on is not quite gone.

Reference: https://docs.hetzner.cloud, "Errors".
"""
_PAUSE = 1.0
_PATIENCE = 180.0
"""Seconds for one removal: the API answers at once, and the server's name is taken until its action has ended."""


class RefusedError(ToolError):
    """Hetzner's API answered with an error.

    Attributes:
        code: Its own word for it, such as ``uniqueness_error``; its HTTP status where it gave none.
    """

    def __init__(self, text: str, code: int | str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Orphan:
    """An object that carries the stack's label and is not in its state.

    Attributes:
        kind: As the API calls it, such as ``servers``.
        id: Its number.
        name: Its name.
        bound: The client's own object for it.
    """

    kind: str
    id: int
    name: str
    bound: Any = field(compare=False, repr=False)


def client(token: str, base: str = PUBLIC) -> Client:
    """Hetzner Cloud's own client.

    Args:
        token: A project's API token with the right to write.
        base: Where the API is.

    Raises:
        ToolError: That is no URL, or the environment's proxy cannot be used.
    """
    if urlsplit(base).scheme not in {"http", "https"}:
        raise ToolError(f"hcloud:endpoint {base!r} is no URL\n  fix: {fixes.drop_command('hcloud:endpoint')}")
    proxies.refuse_unusable()
    return Client(token, api_endpoint=base, application_name="homeport", poll_interval=_PAUSE, timeout=_SECONDS)


def configured(config: Mapping[str, str]) -> Client:
    """The client of a stack, by its configuration (``PulumiCli.config``).

    Raises:
        ToolError: It has no token; or as `client`.
    """
    token = config.get("homeport:hcloud-token")
    if not token:
        raise ToolError(
            f"homeport:hcloud-token is missing: Hetzner Cloud is not asked\n  fix: {fixes.keep('hcloud-token')}"
        )
    return client(token, config.get("hcloud:endpoint", PUBLIC))


@contextmanager
def _refusals() -> Iterator[None]:
    """Turns the client's errors into ours."""
    try:
        yield
    except APIException as error:
        raise RefusedError(
            f"Hetzner Cloud refuses: {error}\n  fix: try again; if the token is wrong: {fixes.keep('hcloud-token')}",
            error.code,
        ) from None
    except OSError as error:
        raise ToolError(f"Hetzner Cloud does not answer: {error}\n  fix: try again") from None
    except UNREADABLE as error:
        raise ToolError(f"Hetzner Cloud's answer is not read: {unreadable(error)}\n  fix: {NEWER}") from None


def making(pending: Iterable[Mapping[str, Any]]) -> frozenset[tuple[str, str]]:
    """Kind and name of what was being made at Hetzner, by the operations that a state tells of as under way."""
    begun = [item["resource"] for item in pending if item["type"] == "creating"]
    named = {(row["type"], str((row.get("inputs") or {}).get("name"))) for row in begun}
    return frozenset((kind, name) for kind, called in _KINDS.items() for of, name in named if of.endswith(f":{called}"))


def orphans(
    state: dict[str, Any],
    api: Client,
    stack: str,
    since: float,
    until: float = inf,
    *,
    begun: frozenset[tuple[str, str]] = frozenset(),
) -> list[Orphan]:
    """What carries the stack's label, is not in the state, and was made between `since` and `until` or is in `begun`.

    Args:
        state: As ``pulumi stack export`` has it.
        api: Hetzner Cloud.
        stack: The stack's name.
        since: The earliest moment, in seconds of the epoch.
        until: The latest moment.
        begun: What was being made (``making``), whenever that was.

    Raises:
        ToolError: Hetzner refuses or does not answer.
    """
    resources = state.get("resources") or []
    known = {str(resource.get("id")) for resource in resources if str(resource.get("type", "")).startswith("hcloud:")}
    with _refusals():
        return [
            Orphan(kind, item.id, item.name, item)
            for kind in _KINDS
            for item in getattr(api, kind).get_all(label_selector=f"homeport.stack={stack}")
            # Its clock and ours may differ by a little; a run that made nothing in its first seconds loses nothing by
            # that.
            if str(_known(item.id)) not in known
            and ((kind, item.name) in begun or since - 5 < item.created.timestamp() < until + 60)
        ]


def _known(number: int | None) -> int:
    """A number that an answer has to give: what has none would pass for nobody's."""
    if number is None:
        raise KeyError("id")
    return number


def remove(orphans: list[Orphan], seconds: float = _PATIENCE) -> None:
    """Removes orphans in the order given, and returns when they are gone: until then their names are taken.

    Args:
        orphans: What to remove.
        seconds: How long one may take.

    Raises:
        ToolError: Hetzner refuses, or one is still there after that time.
    """
    for orphan in orphans:
        end = time.monotonic() + seconds
        try:
            with _refusals():
                _delete(orphan, end)
        except ActionFailedException as error:
            reason: dict[str, Any] = dict(error.action.error or {})
            raise _left(orphan, str(reason.get("message") or error)) from None
        except ActionTimeoutException:
            raise _left(orphan, f"still at it after {seconds:.0f} s") from None


def _left(orphan: Orphan, why: str) -> ToolError:
    return ToolError(
        f"Hetzner Cloud has not removed {orphan.kind} {orphan.name} ({orphan.id}), "
        f"which a killed or failed run left: {why}\n"
        "  fix: try again; or remove it in Hetzner's console"
    )


def _delete(orphan: Orphan, end: float) -> None:
    """Removes it and waits for the action that does it; that it is gone already is fine."""
    while True:
        try:
            action = orphan.bound.delete()
        except APIException as error:
            if error.code == "not_found":
                return
            if error.code not in _BUSY or time.monotonic() > end:
                raise
        else:
            # Servers answer with an action; everything else is gone at once.
            if hasattr(action, "wait_until_finished"):
                action.wait_until_finished(max_retries=max(1, int((end - time.monotonic()) / _PAUSE)))
            return
        time.sleep(_PAUSE)
