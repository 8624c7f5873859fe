"""Asks every address of a stack once, as a stranger would, and says what differs from what its routes declare."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from homeport.cli.membership import membership
from homeport.cli.output import print_json, print_table, write_json
from homeport.cli.phases import say
from homeport.model.errors import ToolError
from homeport.plan.smoke import checks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from homeport.cli.stack import Stack
    from homeport.plan.resolve import Plan
    from homeport.plan.smoke import Check

_MOST_BYTES = 1024 * 1024
_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A check that was made.

    Attributes:
        check: The check.
        answer: The answer in words: a status, ``a connection``, or why there was none.
        ok: Whether it is as expected.
        seconds: How long it took.
    """

    check: Check
    answer: str
    ok: bool
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Way:
    """How addresses are asked.

    Attributes:
        here: Where names below localhost lead; empty: where DNS says.
        trust: Which certificates are believed.
        seconds: How long an answer may take.
    """

    here: str
    trust: ssl.SSLContext
    seconds: float = 10.0


def smoke(stack: Stack, *, inside: bool | None, authority: Path | None, json: bool, report: Path | None) -> int:
    """Asks all, shows what came of it, and writes it where that is wished; 1 where something is not as expected.

    Raises:
        ToolError: There is nothing to ask, or the authority's file cannot be read.
    """
    plan = stack.plan
    inside = as_member(plan, inside)
    wanted = checks(plan.blueprint, plan.settings.smoke, inside=inside)
    if not wanted:
        raise ToolError(
            f"smoke: stack {stack.name} has no address to ask\n"
            "  fix: bin/homeport pulumi config set --path homeport:settings.smoke.app.url "
            f"https://app.example.com/health --stack {stack.name}"
        )
    answers = ask_all(wanted, way_to(plan, authority))
    document = _document(stack.name, answers, inside=inside)
    if json:
        print_json(document)
    else:
        print_table(
            ("", "check", "expected", "answer", "url"),
            [
                ("ok" if row.ok else "FAIL", row.check.name, row.check.expected, row.answer, row.check.url)
                for row in answers
            ],
        )
    failed = [row for row in answers if not row.ok]
    if failed:
        say(f"homeport: {len(failed)} of {len(answers)} addresses do not answer as they must")
        say(f"  fix: bin/homeport status --stack {stack.name}   shows what does not run")
    if report:
        write_json(report, document)
    return 1 if failed else 0


def _document(stack: str, answers: list[Asked], *, inside: bool) -> dict[str, Any]:
    rows = [
        {
            "name": row.check.name,
            "url": row.check.url,
            "expected": row.check.expected,
            "answer": row.answer,
            "ok": row.ok,
            "seconds": round(row.seconds, 3),
        }
        for row in answers
    ]
    return {
        "stack": stack,
        "from": "inside" if inside else "outside",
        "ok": all(row.ok for row in answers),
        "checks": rows,
    }


def as_member(plan: Plan, said: bool | None) -> bool:
    """Whether a stack is asked as by a member of its mesh or VPN: as is said, else as this machine is found to be."""
    if plan.local or said is not None:
        return plan.local or bool(said)
    shown = membership(plan.blueprint)
    if shown:
        say(f"==> asked as a member: {shown}")
    elif plan.blueprint.vpn or plan.blueprint.mesh:
        say(
            "==> asked as a stranger, for this machine is no member: "
            "whether members' pages work was not looked at (a member asks with --inside)"
        )
    return bool(shown)


def way_to(plan: Plan, authority: Path | None) -> Way:
    """How the addresses of a stack are asked.

    Raises:
        ToolError: The authority's file cannot be read.
    """
    return Way(here=plan.blueprint.edge.bind if plan.local else "", trust=_trust(authority, here=plan.local))


def ask_all(wanted: Sequence[Check], way: Way) -> list[Asked]:
    """Makes all checks, several at once."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda check: ask(check, way), wanted))


def ask(check: Check, way: Way) -> Asked:
    """Makes one check."""
    began = time.monotonic()
    got = _tcp(check.url, way) if check.url.startswith("tcp:") else _http(check.url, way)
    if got.status:
        ok = got.status in check.statuses
        answer = "a connection" if check.url.startswith("tcp:") else str(got.status)
        if ok and check.contains.encode() not in got.body:
            ok, answer = False, f"{answer}, without the text that it must have"
        if ok and check.login and got.location and not (urlsplit(got.location).hostname or "").endswith(check.login):
            ok, answer = False, f"{answer}, and it leads to {got.location.partition('?')[0]}"
    else:
        ok, answer = check.silence, f"no answer: {got.why}"
    return Asked(check=check, answer=answer, ok=ok, seconds=time.monotonic() - began)


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """What came back: no status, and why, where nothing did."""

    status: int = 0
    body: bytes = b""
    location: str = ""
    why: str = ""


def _http(url: str, way: Way) -> _Answer:
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    try:
        line = connected(host, port, way)
        connection = http.client.HTTPConnection(host, port, timeout=way.seconds)
        with line:
            connection.sock = way.trust.wrap_socket(line, server_hostname=host) if secure else line
            with connection.sock:
                path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                connection.request("GET", path, headers={"User-Agent": "homeport-smoke", "Connection": "close"})
                answer = connection.getresponse()
                body = answer.read(_MOST_BYTES)
                return _Answer(status=answer.status, body=body, location=answer.getheader("Location") or "")
    except ssl.SSLCertVerificationError as error:
        # Somebody answers there, and not with a certificate that anybody believes: no silence.
        return _Answer(status=495, why=str(error))
    except (OSError, http.client.HTTPException) as error:
        return _Answer(why=str(error) or type(error).__name__)


def _tcp(url: str, way: Way) -> _Answer:
    parts = urlsplit(url)
    try:
        with connected(parts.hostname or "", parts.port or 0, way):
            return _Answer(status=200)
    except OSError as error:
        return _Answer(why=str(error))


def connected(host: str, port: int, way: Way) -> socket.socket:
    """A connection to a name or an address.

    Raises:
        OSError: Nobody accepts it.
    """
    at = way.here if way.here and host.endswith("localhost") else host
    return socket.create_connection((at, port), timeout=way.seconds)


def _trust(authority: Path | None, *, here: bool) -> ssl.SSLContext:
    """Everybody's authorities, and another one; on this machine any: the proxy's own authority is in no list."""
    context = ssl.create_default_context()
    if here:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if authority:
        try:
            context.load_verify_locations(authority)
        except OSError as error:
            raise ToolError(f"smoke: {authority} holds no certificate: {error}\n  fix: ls -l {authority}") from None
    return context
