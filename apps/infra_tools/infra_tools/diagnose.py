"""Looks for the five usual faults: network, Caddyfile, Infisical, tunnel token, audience tag of Access."""

from __future__ import annotations

import argparse
import base64
import binascii
import hmac
import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from infra_tools import stacks
from infra_tools.console import FAILED, OK, Finding, ToolError
from infra_tools.docker import Docker
from infra_tools.settings import IDENTITY, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from infra_tools.console import Console

_CLOUDFLARE: Final = ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_ZONE_ID")
_TUNNEL_TOKEN: Final = "CLOUDFLARE_TUNNEL_TOKEN"  # noqa: S105  # a variable's name
_AUD: Final = "CLOUDFLARE_AUD_TAG"
_AUTH_DOMAIN: Final = "CLOUDFLARE_AUTH_DOMAIN"
_KEY, _AUTH = "INFISICAL_ENCRYPTION_KEY", "INFISICAL_AUTH_SECRET"
_AUTH_BYTES: Final = 32


def main(argv: list[str], console: Console) -> int:
    """Runs the program: 0 where nothing is wrong, else 1."""
    parser = argparse.ArgumentParser(prog="diagnose.py", description=__doc__, allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="print one document of JSON")
    options = parser.parse_args(argv)
    settings, docker = Settings(), Docker(console)
    console.hide(settings.get(name) for name in (_TUNNEL_TOKEN, _KEY, _AUTH, "INFISICAL_CLIENT_SECRET", _CLOUDFLARE[0]))
    checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("network", lambda: _network(docker)),
        ("Caddyfile", lambda: _caddyfile(docker)),
        ("Infisical", lambda: _infisical(docker, settings, console)),
        ("tunnel token", lambda: _tunnel(settings, console)),
        ("audience tag", lambda: _audience(settings, console)),
    )
    findings = []
    for name, check in checks:
        try:
            findings += list(check())
        except ToolError as problem:
            text, _, fix = console.clean(str(problem)).partition("\nfix: ")
            findings.append(Finding(name, "problem", " ".join(text.split()), fix))
    if options.json:
        console.document({"findings": [asdict(one) for one in findings]})
    else:
        console.findings(findings)
    return FAILED if any(one.state == "problem" for one in findings) else OK


def _network(docker: Docker) -> Iterator[Finding]:
    if docker.inspect("network", stacks.NETWORK) is None:
        text = f"{stacks.NETWORK} not found: start {stacks.INFRASTRUCTURE} first"
        yield Finding("network", "problem", text, f"start_services.py --stack {stacks.INFRASTRUCTURE}")
    else:
        yield Finding("network", "ok", f"{stacks.NETWORK} is there")


def _caddyfile(docker: Docker) -> Iterator[Finding]:
    if docker.inspect("container", "caddy") is None:
        yield Finding("Caddyfile", "problem", "there is no container caddy", _starts())
        return
    docker(
        *("exec", "caddy", "caddy", "validate", "--config", "/etc/caddy/Caddyfile"),
        fix="correct 00-infrastructure/caddy/Caddyfile where it says so, then run this again",
    )
    yield Finding("Caddyfile", "ok", "caddy validate takes it")


def _starts() -> str:
    return f"start_services.py --stack {stacks.INFRASTRUCTURE}"


def _infisical(docker: Docker, settings: Settings, console: Console) -> Iterator[Finding]:
    yield from _keys(settings)
    yield from _database(docker)
    missing = [name for name in IDENTITY if not settings.get(name)]
    if missing:
        yield Finding("Infisical sign-in", "skipped", f"not set: {', '.join(missing)}")
        return
    from infra_tools.infisical import Infisical  # noqa: PLC0415  # who has no identity needs no SDK

    count = len(Infisical(settings, console).secrets())
    yield Finding("Infisical sign-in", "ok", f"the machine identity reads {count} secrets")


def _keys(settings: Settings) -> Iterator[Finding]:
    key, auth = settings.get(_KEY), settings.get(_AUTH)
    if not key and not auth:
        yield Finding("Infisical keys", "skipped", f"not set here: {_KEY}, {_AUTH}")
        return
    if not re.fullmatch(r"[0-9a-fA-F]{32}", key):
        # A new one would make all that is stored unreadable, so it is never suggested.
        fix = f"put back the {_KEY} with which Infisical was set up, from your backup of keys"
        yield Finding("Infisical keys", "problem", f"{_KEY} is not 32 hexadecimal digits", fix)
    try:
        enough = len(base64.b64decode(auth, validate=True)) >= _AUTH_BYTES
    except binascii.Error:
        enough = False
    if not enough:
        fix = f"export {_AUTH}=$(openssl rand -base64 32)   # signs everybody out"
        yield Finding("Infisical keys", "problem", f"{_AUTH} is not 32 bytes in Base64", fix)
    if enough and re.fullmatch(r"[0-9a-fA-F]{32}", key):
        yield Finding("Infisical keys", "ok", f"{_KEY} and {_AUTH} have the right form")


def _database(docker: Docker) -> Iterator[Finding]:
    for name in ("infisical-db", "infisical-redis", "infisical-backend"):
        about = docker.inspect("container", name)
        state = (about or {}).get("State") or {}
        health = (state.get("Health") or {}).get("Status") or state.get("Status") or "missing"
        if health in ("healthy", "running"):
            yield Finding(name, "ok", health)
        else:
            fix = f"docker logs --tail 50 {name}" if about else _starts()
            yield Finding(name, "problem", f"is {health}", fix)


def _tunnel(settings: Settings, console: Console) -> Iterator[Finding]:
    token = settings.get(_TUNNEL_TOKEN)
    if not token:
        yield Finding("tunnel token", "skipped", f"not set: {_TUNNEL_TOKEN}")
        return
    try:
        parts: dict[str, Any] = json.loads(base64.b64decode(token, validate=True))
        account, tunnel, _ = str(parts["a"]), str(parts["t"]), str(parts["s"])
    except (ValueError, KeyError, TypeError):
        yield Finding("tunnel token", "problem", f"{_TUNNEL_TOKEN} is no token of a tunnel", _fresh())
        return
    console.hide([str(parts["s"])])
    missing = [name for name in _CLOUDFLARE if not settings.get(name)]
    if missing:
        yield Finding(
            "tunnel token", "skipped", f"has the right form; not asked Cloudflare: {', '.join(missing)} not set"
        )
        return
    from infra_tools.cloudflare_api import Api  # noqa: PLC0415  # who has no token needs no client

    api = Api(settings, console)
    if f"/accounts/{account}" != api.account:
        yield Finding("tunnel token", "problem", "it is of another account than CLOUDFLARE_ACCOUNT_ID", _fresh())
        return
    about = api.get(f"{api.account}/cfd_tunnel/{tunnel}")
    if about.get("deleted_at"):
        yield Finding("tunnel token", "problem", f"its tunnel {about['name']} is deleted", _fresh())
    elif not hmac.compare_digest(str(api.get(f"{api.account}/cfd_tunnel/{tunnel}/token")).encode(), token.encode()):
        yield Finding("tunnel token", "problem", f"it is not the token of {about['name']} any more", _fresh())
    elif about.get("status") in ("healthy", "degraded"):
        yield Finding("tunnel token", "ok", f"{about['name']} is {about['status']}")
    else:
        text = f"the token is right, but {about['name']} is {about.get('status')}"
        yield Finding("tunnel token", "problem", text, "docker logs --tail 50 cloudflared")


def _fresh() -> str:
    return f"take the token anew from the tunnel's page, put it into .env as {_TUNNEL_TOKEN}, then: {_starts()}"


def _audience(settings: Settings, console: Console) -> Iterator[Finding]:
    missing = [name for name in (_AUD, *_CLOUDFLARE) if not settings.get(name)]
    if missing:
        yield Finding("audience tag", "skipped", f"not set: {', '.join(missing)}")
        return
    from infra_tools.access import Access  # noqa: PLC0415
    from infra_tools.cloudflare_api import Api  # noqa: PLC0415
    from infra_tools.get_lambda_api_aud_tag import lambda_host  # noqa: PLC0415

    api = Api(settings, console)
    host = lambda_host(settings, api)
    app = Access(api, console).application(host)
    if app is None:
        fix = f"setup-lambda-api-access.py --hostname {host}"
        yield Finding("audience tag", "problem", f"no Access application protects {host}", fix)
    elif app.get("aud") != settings.get(_AUD):
        text = f"{_AUD} is not that of the application of {host}: the server refuses every assertion"
        yield Finding(
            "audience tag", "problem", text, f"put the output of get-lambda-api-aud-tag.py into .env as {_AUD}"
        )
    else:
        yield Finding("audience tag", "ok", f"{_AUD} is that of the application of {host}")
    domain = settings.get(_AUTH_DOMAIN)
    if domain:
        known = f"https://{api.get(f'{api.account}/access/organizations')['auth_domain']}"
        good = domain.rstrip("/") == known
        text = f"{_AUTH_DOMAIN} is {'' if good else 'not '}{known}"
        yield Finding(
            "auth domain", "ok" if good else "problem", text, "" if good else f"export {_AUTH_DOMAIN}={known}"
        )
