"""Claims that only shared-infrastructure has: whose word on a caller's address its proxy takes."""

from __future__ import annotations

import json
import secrets
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rehearsal.claims.claim import Claim
from rehearsal.claims.doors import named_person
from rehearsal.probes.errors import ProbeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.claims.view import View

_ROUTE, _GUEST, _PORT, _NETWORK = "lambda", "lambda-server", 8000, "ai-network"
_FORGED, _VISITOR = "203.0.113.66", "203.0.113.7"
"""RFC 5737: nobody's addresses. The second is the one that the emulated edge says a visitor has."""
_DOTS = 2
"""In a signed assertion (RFC 7515, section 3.1)."""
_ANSWER = json.dumps(
    {
        "callers": "{http.request.header.X-Forwarded-For}",
        "assertion": "{http.request.header.Cf-Access-Jwt-Assertion}",
    }
)
_SERVE = (
    f"printf '%s' ':{_PORT} {{\n\trespond `{_ANSWER}`\n}}\n' >/tmp/Caddyfile; "
    "exec caddy run --config /tmp/Caddyfile --adapter caddyfile"
)
_PATIENCE = 30.0


@contextmanager
def guest(view: View) -> Iterator[str]:
    """The Lambda server of another stack, which says what reached it; its address. Of the image that is there: Caddy's.

    Raises:
        ProbeError: It does not answer.
    """
    image = view.containers()["caddy"]["Image"]
    view.run("sh", "-c", f"docker rm --force {_GUEST} >/dev/null 2>&1 || true")
    options = ("--detach", "--name", _GUEST, "--network", _NETWORK, "--user", "10001:10001", "--entrypoint", "sh")
    view.run("docker", "run", *options, image, "-c", _SERVE)
    try:
        end = time.monotonic() + _PATIENCE
        while not _from(view, "caddy", f"http://{_GUEST}:{_PORT}/"):
            if time.monotonic() > end:
                raise ProbeError(_GUEST, f"does not answer in {_PATIENCE} s")
            time.sleep(0.5)
        yield view.run(
            "docker", "inspect", "--format", f'{{{{(index .NetworkSettings.Networks "{_NETWORK}").IPAddress}}}}', _GUEST
        ).strip()
    finally:
        view.run("docker", "rm", "--force", _GUEST)


def _from(view: View, container: str, url: str, **headers: str) -> str:
    """What a container gets; nothing where nobody answers, or refuses."""
    words = [f"--header={name.replace('_', '-')}: {value}" for name, value in headers.items()]
    try:
        return view.run("docker", "exec", container, "wget", "-q", "-O", "-", *words, url)
    except ProbeError:
        return ""


def _logged(view: View, path: str) -> dict[str, Any]:
    """How the proxy took the request for a path: its `status`, and `client`, by whom it says that it was asked."""
    rows = [json.loads(line) for line in view.run("docker", "logs", "caddy").splitlines() if path in line]
    return {"status": rows[-1]["status"], "client": rows[-1]["request"]["client_ip"]} if rows else {}


def callers(view: View) -> dict[str, Any]:
    """A request from beside the proxy, and one through the edge, both with a forged address of their caller."""
    hostname, mark = view.hostnames[_ROUTE], secrets.token_hex(8)
    cookie = view.log_in(hostname, named_person(view))
    forged = {"CF_Connecting_IP": _FORGED, "X_Forwarded_For": _FORGED}
    with guest(view) as address:
        _from(view, _GUEST, f"http://caddy/beside-{mark}", Host=hostname, **forged)
        answer = view.visit(hostname, f"/visited-{mark}", Cookie=cookie, Rehearsal_Visitor=_VISITOR, **forged)
    return {
        "guest": address,
        "beside": _logged(view, f"/beside-{mark}"),
        "visited": _logged(view, f"/visited-{mark}"),
        "told": json.loads(answer["body"] or "{}"),
    }


def truth(seen: dict[str, Any]) -> dict[str, Any]:
    """Whom the proxy took them for, and what the service behind it was told."""
    return {
        "beside": (seen["beside"].get("status"), seen["beside"].get("client") == seen["guest"]),
        "visited": (seen["visited"].get("status"), seen["visited"].get("client") == _VISITOR),
        "told the forged one": _FORGED in json.dumps(seen["told"]),
        "told the assertion": seen["told"].get("assertion", "").count(".") == _DOTS,
    }


CLAIMS: tuple[Claim[View, Any], ...] = (
    Claim(
        name="forged-caller-ignored",
        rows=("S4-09", "S4-10", "S4-11"),
        needs=frozenset({"tunnel", f"route {_ROUTE}"}),
        says="who comes to the proxy past the tunnel is refused, and known by its own address, whatever it forges",
        observe=callers,
        value=truth,
        expected=lambda _: {
            "beside": (403, True),
            "visited": (200, True),
            "told the forged one": False,
            "told the assertion": True,
        },
        spoil=lambda seen: {**seen, "beside": {"status": 403, "client": _FORGED}},
    ),
)
