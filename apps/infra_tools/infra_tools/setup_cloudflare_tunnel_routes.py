"""Adds the public host names of all configured services to a Cloudflare tunnel, or removes one.

Configured are the variables `…_HOSTNAME` whose value is a host name; `:8001` and its like are ports, and no names.
"""

from __future__ import annotations

import argparse
import ipaddress
from typing import TYPE_CHECKING

from infra_tools import cloudflare_api
from infra_tools.cloudflare_api import Api
from infra_tools.console import FAILED, OK, USAGE, ToolError
from infra_tools.routes import PROXY, Tunnel
from infra_tools.settings import Settings

if TYPE_CHECKING:
    from infra_tools.console import Console


def main(argv: list[str], console: Console) -> int:
    """Runs the program; its exit code."""
    parser = argparse.ArgumentParser(
        prog="setup-cloudflare-tunnel-routes.py", description=__doc__.splitlines()[0], allow_abbrev=False
    )
    parser.add_argument("--remove", metavar="HOSTNAME", help="remove this one's route and DNS record, and nothing else")
    parser.add_argument("--service", default=PROXY, metavar="URL", help="where they lead (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one document of JSON")
    options = parser.parse_args(argv)
    if not options.service.startswith(("http://", "https://")):
        parser.error("--service: must begin with http:// or https://")
    settings = Settings()
    api = Api(settings, console, cloudflare_api.TUNNEL)
    if options.remove is not None:
        return _remove(api, api.host(options.remove, "--remove"), console, as_json=options.json)
    hosts = _hosts(settings, api, console)
    tunnel = Tunnel(api, console)
    routes = tunnel.add(hosts, options.service)
    report, failed = list[dict[str, str]](), False
    for host in hosts:
        try:
            record = tunnel.lead(host)
        except ToolError as problem:
            console.warn(str(problem))
            record, failed = "failed", True
        report.append({"hostname": host, "route": routes[host], "record": record})
    _show(report, console, as_json=options.json)
    return FAILED if failed else OK


def _hosts(settings: Settings, api: Api, console: Console) -> list[str]:
    named = {name: value for name, value in settings.ending("_HOSTNAME").items() if not value.startswith(":")}
    for name in [name for name, value in named.items() if _inner(value)]:
        console.warn(f"note: {name}: {named.pop(name)} is a name inside, not a public one; it gets no route")
    if not named:
        raise ToolError(
            "no service has a host name: no variable …_HOSTNAME is set to one\n"
            f"fix: export N8N_HOSTNAME=n8n.{api.zone_name}   # or a line of .env.global in this folder",
            USAGE,
        )
    return sorted({api.host(value, name) for name, value in named.items()})


def _inner(name: str) -> bool:
    """Whether it is what programs on one network call each other: a single word, or an address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." not in name
    return True


def _remove(api: Api, host: str, console: Console, *, as_json: bool) -> int:
    tunnel = Tunnel(api, console)
    # The record first: a name that leads nowhere is better than one that leads to the wrong rule.
    record = tunnel.forget(host)
    _show([{"hostname": host, "record": record, "route": tunnel.remove(host)}], console, as_json=as_json)
    return OK


def _show(report: list[dict[str, str]], console: Console, *, as_json: bool) -> None:
    if as_json:
        console.document({"routes": report})
        return
    for row in report:
        console.say(f"{row['hostname']}: route {row['route']}, DNS record {row['record']}")
