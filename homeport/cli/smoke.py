"""Asks every address of a stack once, as a stranger would, and says what differs from what its routes declare."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from json import dumps
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from homeport.cli.output import print_json, print_table
from homeport.cli.phases import say
from homeport.model.errors import ToolError
from homeport.plan.smoke import checks

if TYPE_CHECKING:
    from pathlib import Path

    from homeport.cli.stack import Stack
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


def smoke(stack: Stack, *, inside: bool, authority: Path | None, json: bool, report: Path | None) -> int:
    """Asks all, shows what came of it, and writes it where that is wished; 1 where something is not as expected.

    Raises:
        ToolError: There is nothing to ask, or the authority's file cannot be read.
    """
    plan = stack.plan
    inside = inside or plan.local
    wanted = checks(plan.blueprint, plan.settings.smoke, inside=inside)
    if not wanted:
        raise ToolError(
            f"smoke: stack {stack.name} has no address to ask\n"
            "  fix: bin/homeport pulumi config set --path homeport:settings.smoke.app.url "
            f"https://app.example.com/health --stack {stack.name}"
        )
    way = Way(here=plan.blueprint.edge.bind if plan.local else "", trust=_trust(authority, here=plan.local))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(lambda check: ask(check, way), wanted))
    document = _document(stack.name, answers, inside=inside)
    if report:
        report.write_text(dumps(document, indent=2) + "\n", encoding="utf-8")
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


def ask(check: Check, way: Way) -> Asked:
    """Makes one check."""
    began = time.monotonic()
    status, body, why = _tcp(check.url, way) if check.url.startswith("tcp:") else _http(check.url, way)
    if status:
        ok = status in check.statuses and check.contains.encode() in body
        answer = "a connection" if check.url.startswith("tcp:") else str(status)
        if status in check.statuses and not ok:
            answer += ", without the text that it must have"
    else:
        ok, answer = check.silence, f"no answer: {why}"
    return Asked(check=check, answer=answer, ok=ok, seconds=time.monotonic() - began)


def _http(url: str, way: Way) -> tuple[int, bytes, str]:
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    try:
        line = socket.create_connection((_at(host, way), port), timeout=way.seconds)
        connection = http.client.HTTPConnection(host, port, timeout=way.seconds)
        with line:
            connection.sock = way.trust.wrap_socket(line, server_hostname=host) if secure else line
            with connection.sock:
                path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                connection.request("GET", path, headers={"User-Agent": "homeport-smoke", "Connection": "close"})
                answer = connection.getresponse()
                return answer.status, answer.read(_MOST_BYTES), ""
    except ssl.SSLCertVerificationError as error:
        # Somebody answers there, and not with a certificate that anybody believes: no silence.
        return 495, b"", str(error)
    except (OSError, http.client.HTTPException) as error:
        return 0, b"", str(error) or type(error).__name__


def _tcp(url: str, way: Way) -> tuple[int, bytes, str]:
    parts = urlsplit(url)
    try:
        with socket.create_connection((_at(parts.hostname or "", way), parts.port or 0), timeout=way.seconds):
            return 200, b"", ""
    except OSError as error:
        return 0, b"", str(error)


def _at(host: str, way: Way) -> str:
    return way.here if way.here and host.endswith("localhost") else host


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
