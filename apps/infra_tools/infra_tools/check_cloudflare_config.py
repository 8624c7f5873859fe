"""Says what is wrong with a zone in front of a tunnel; mends what it is told to mend, and nothing else."""

from __future__ import annotations

import argparse
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from infra_tools.cloudflare_api import TUNNEL, Api, RefusedError
from infra_tools.console import FAILED, OK, Finding
from infra_tools.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from infra_tools.console import Console

_INFISICAL: Final = "INFISICAL_HOSTNAME"
# Both ask the tunnel as it is. `flexible` and `off` tell the origin http, and it sends visitors to https for ever;
# `origin_pull` wants a certificate that an origin over HTTP does not have.
_GOOD_SSL: Final = ("full", "strict")
_MENDED_SSL: Final = "full"
_HEADERS: Final = re.compile(
    r"host|cookie|set-cookie|authorization|cf-connecting-ip|cf-access-jwt-assertion|x-forwarded-.*|x-real-ip",
    re.IGNORECASE,
)
_TRANSFORMS: Final = ("http_request_transform", "http_request_late_transform", "http_response_headers_transform")
_OTHERS: Final = ("http_request_dynamic_redirect", "http_config_settings")
_FORBIDDEN: Final = 403


def main(argv: list[str], console: Console) -> int:
    """Runs the program: 0 where nothing is wrong (any more), else 1."""
    parser = argparse.ArgumentParser(prog="check-cloudflare-config.py", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--fix-ssl", action="store_true", help=f"set the SSL/TLS mode to {_MENDED_SSL} where it is wrong"
    )
    parser.add_argument("--create-page-rule", action="store_true", help="keep Infisical's pages out of the cache")
    parser.add_argument("--purge-cache", action="store_true", help="empty the zone's cache")
    parser.add_argument("--fix-all", action="store_true", help="all three")
    parser.add_argument("--json", action="store_true", help="print one document of JSON")
    options = parser.parse_args(argv)
    settings = Settings()
    api = Api(settings, console)
    host = settings.get(_INFISICAL)
    host = api.host(host if host and not host.startswith(":") else f"infisical.{api.zone_name}", _INFISICAL)
    done = []
    if (options.fix_ssl or options.fix_all) and _ssl(api) not in _GOOD_SSL:
        api.send("PATCH", f"{api.zone}/settings/ssl", {"value": _MENDED_SSL})
        done.append(f"SSL/TLS mode set to {_MENDED_SSL}")
    if (options.create_page_rule or options.fix_all) and not _bypasses(_page_rules(api), host):
        api.send("POST", f"{api.zone}/pagerules", _rule(host))
        done.append(f"page rule made: nothing of {host} is cached")
    if options.purge_cache or options.fix_all:
        api.send("POST", f"{api.zone}/purge_cache", {"purge_everything": True})
        done.append("cache emptied")
    findings = list(_findings(api, host, settings.get(TUNNEL)))
    if options.json:
        console.document({"zone": api.zone_name, "done": done, "findings": [asdict(one) for one in findings]})
    else:
        for text in done:
            console.say(f"done     {text}")
        console.findings(findings)
    return FAILED if any(one.state in ("problem", "unknown") for one in findings) else OK


def _findings(api: Api, host: str, tunnel: str) -> Iterator[Finding]:
    checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("zone", lambda: _check_zone(api)),
        ("SSL/TLS mode", lambda: _check_ssl(api)),
        ("settings", lambda: _check_settings(api)),
        ("page rules", lambda: _check_page_rules(api, host)),
        ("rules", lambda: _check_rules(api)),
        ("DNS records", lambda: _check_records(api, tunnel)),
        ("tunnel", lambda: _check_tunnel(api, tunnel)),
    )
    for name, check in checks:
        try:
            yield from check()
        except RefusedError as problem:
            if problem.status != _FORBIDDEN:
                raise
            yield Finding(name, "unknown", "the API token may not look at it", str(problem).rpartition("fix: ")[2])


def _ssl(api: Api) -> str:
    return str(api.get(f"{api.zone}/settings/ssl")["value"])


def _page_rules(api: Api) -> list[dict[str, Any]]:
    return list(api.get(f"{api.zone}/pagerules"))


def _check_zone(api: Api) -> Iterator[Finding]:
    zone = api.get(api.zone)
    good = zone.get("status") == "active" and not zone.get("paused")
    fix = "" if good else "point the domain to Cloudflare's name servers, and do not pause the zone"
    yield Finding("zone", "ok" if good else "problem", f"{zone['name']} is {zone.get('status')}", fix)


def _check_ssl(api: Api) -> Iterator[Finding]:
    mode = _ssl(api)
    if mode in _GOOD_SSL:
        yield Finding("SSL/TLS mode", "ok", mode)
    else:
        text = f"{mode}: an origin that speaks HTTP behind a tunnel gets redirects without end, or no answer"
        yield Finding("SSL/TLS mode", "problem", text, "check-cloudflare-config.py --fix-ssl")


def _check_settings(api: Api) -> Iterator[Finding]:
    wanted: dict[str, tuple[tuple[Any, ...], str]] = {
        "always_use_https": (
            ("on",),
            "visitors of http:// get no redirect, and Infisical's cookies are for https alone",
        ),
        "min_tls_version": (("1.2", "1.3"), "old versions of TLS are taken"),
        "rocket_loader": (("off",), "it rewrites scripts, which breaks pages with a content security policy"),
        "development_mode": (("off",), "the cache is off for three hours"),
        "websockets": (("on",), "pages of n8n and others wait for events that never come"),
    }
    for name, (good, reason) in wanted.items():
        value = api.get(f"{api.zone}/settings/{name}")["value"]
        if value in good:
            yield Finding(name, "ok", str(value))
        else:
            yield Finding(name, "note", f"{value}: {reason}", f"set it to {good[0]} in the zone's settings")


def _rule(host: str) -> dict[str, Any]:
    target = {"target": "url", "constraint": {"operator": "matches", "value": f"{host}/*"}}
    return {"targets": [target], "actions": [{"id": "cache_level", "value": "bypass"}], "status": "active"}


def _bypasses(rules: list[dict[str, Any]], host: str) -> bool:
    return any(
        rule.get("status") == "active"
        and f"{host}/*" in _targets(rule)
        and _actions(rule).get("cache_level") == "bypass"
        for rule in rules
    )


def _targets(rule: dict[str, Any]) -> list[str]:
    values = [str(row["constraint"]["value"]).lower() for row in rule.get("targets") or []]
    return [value.removeprefix("https://").removeprefix("http://") for value in values]


def _actions(rule: dict[str, Any]) -> dict[str, Any]:
    return {str(action["id"]): action.get("value") for action in rule.get("actions") or []}


def _check_page_rules(api: Api, host: str) -> Iterator[Finding]:
    rules = _page_rules(api)
    good = _bypasses(rules, host)
    text = f"nothing of {host} is cached" if good else f"no page rule keeps {host} out of the cache"
    fix = "" if good else "check-cloudflare-config.py --create-page-rule"
    yield Finding("page rules", "ok" if good else "problem", text, fix)
    for rule in rules:
        if rule.get("status") != "active":
            continue
        actions, where = _actions(rule), ", ".join(_targets(rule))
        if actions.get("ssl") not in (None, *_GOOD_SSL):
            yield Finding("page rules", "problem", f"{where}: SSL/TLS mode {actions['ssl']}", "remove that page rule")
        forward = actions.get("forwarding_url")
        if isinstance(forward, dict) and str(forward.get("url", "")).startswith("http://"):
            yield Finding("page rules", "problem", f"{where}: leads back to http://", "remove that page rule")
        if actions.get("cache_level") == "cache_everything" and any(_fits(one, host) for one in _targets(rule)):
            yield Finding("page rules", "problem", f"{where}: caches all of {host}", "remove that page rule")


def _fits(pattern: str, host: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), f"{host}/") is not None


def _check_rules(api: Api) -> Iterator[Finding]:
    count = 0
    for row in api.get(f"{api.zone}/rulesets"):
        if row.get("phase") not in (*_TRANSFORMS, *_OTHERS) or row.get("kind") != "zone":
            continue
        for rule in api.get(f"{api.zone}/rulesets/{row['id']}").get("rules") or []:
            if rule.get("enabled", True):
                count += 1
                yield from _check_rule(rule, str(row["phase"]))
    yield Finding("rules", "ok", f"{count} transform, redirect and configuration rules looked at")


def _check_rule(rule: dict[str, Any], phase: str) -> Iterator[Finding]:
    about = rule.get("action_parameters") or {}
    name = str(rule.get("description") or rule.get("id"))
    fix = "disable or change that rule in the dashboard, Rules > Overview"
    touched = [header for header in about.get("headers") or {} if _HEADERS.fullmatch(header)]
    if phase in _TRANSFORMS and touched:
        yield Finding("transform rules", "problem", f"{name}: changes {', '.join(touched)}", fix)
    target = ((about.get("from_value") or {}).get("target_url") or {}).get("value") or ""
    if str(target).startswith("http://"):
        yield Finding("redirect rules", "problem", f"{name}: leads back to http://", fix)
    if about.get("ssl") not in (None, *_GOOD_SSL):
        yield Finding("configuration rules", "problem", f"{name}: SSL/TLS mode {about['ssl']}", fix)


def _check_records(api: Api, tunnel: str) -> Iterator[Finding]:
    into = [row for row in api.rows(f"{api.zone}/dns_records") if str(row.get("content")).endswith(".cfargotunnel.com")]
    depth = api.zone_name.count(".") + 1
    for row in into:
        name = str(row["name"])
        if not row.get("proxied"):
            fix = "proxy it (the orange cloud)"
            yield Finding("DNS records", "problem", f"{name}: leads into a tunnel without Cloudflare's proxy", fix)
        if name.count(".") > depth:
            fix = f"choose a name right below {api.zone_name}"
            yield Finding("DNS records", "problem", f"{name}: the free certificate does not cover it", fix)
        if tunnel and row["content"] != f"{tunnel}.cfargotunnel.com":
            yield Finding("DNS records", "note", f"{name}: leads into another tunnel than {TUNNEL}")
    yield Finding("DNS records", "ok", f"{len(into)} lead into a tunnel")


def _check_tunnel(api: Api, tunnel: str) -> Iterator[Finding]:
    if not tunnel:
        yield Finding("tunnel", "note", f"not looked at: {TUNNEL} is not set")
        return
    about = api.get(f"{api.account}/cfd_tunnel/{tunnel}")
    state = "deleted" if about.get("deleted_at") else str(about.get("status"))
    good = state in ("healthy", "degraded")
    fix = "" if good else "docker logs --tail 50 cloudflared"
    yield Finding("tunnel", "ok" if good else "problem", f"{about['name']} is {state}", fix)
