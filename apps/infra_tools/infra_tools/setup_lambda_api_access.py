"""Puts the Lambda API behind Cloudflare Access, and then into the tunnel. What is there already is kept."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from infra_tools import cloudflare_api
from infra_tools.access import Access, policy_name
from infra_tools.cloudflare_api import Api, RefusedError
from infra_tools.console import OK, ToolError
from infra_tools.get_lambda_api_aud_tag import HOST, lambda_host
from infra_tools.routes import PROXY, Tunnel
from infra_tools.settings import Settings

if TYPE_CHECKING:
    from infra_tools.console import Console

_MISSING = 404


def main(argv: list[str], console: Console) -> int:
    """Runs the program; its exit code."""
    parser = argparse.ArgumentParser(prog="setup-lambda-api-access.py", description=__doc__, allow_abbrev=False)
    parser.add_argument("--hostname", help=f"the API's host name (default: ${HOST}, else api.<zone>)")
    parser.add_argument("--policy-id", help="id of the policy to use (default: the unified one)")
    parser.add_argument("--json", action="store_true", help="print one document of JSON")
    options = parser.parse_args(argv)
    settings = Settings()
    api = Api(settings, console, cloudflare_api.TUNNEL)
    host = lambda_host(settings, api, options.hostname)
    access = Access(api, console)
    policy = _policy(api, access, settings, options.policy_id)
    tunnel = Tunnel(api, console)
    # In this order: the name must not be reachable before somebody stands in front of it.
    report = {"hostname": host, "application": access.protect(host, policy)}
    report |= {"route": tunnel.add([host], PROXY)[host], "record": tunnel.lead(host)}
    if options.json:
        console.document(report)
    else:
        console.say(f"{host}: application {report['application']}, route {report['route']}, record {report['record']}")
        console.say("for the server: CLOUDFLARE_AUD_TAG=$(get-lambda-api-aud-tag.py)")
    return OK


def _policy(api: Api, access: Access, settings: Settings, named: str | None) -> str:
    if named:
        try:
            return str(api.get(f"{api.account}/access/policies/{named}")["id"])
        except RefusedError as problem:
            if problem.status != _MISSING:
                raise
            raise ToolError(
                f"--policy-id: there is no policy {named}\nfix: manage-cloudflare-access.py --list"
            ) from None
    found = access.policy(policy_name(settings))
    if found is None:
        raise ToolError(
            f"there is no policy {policy_name(settings)!r}\nfix: manage-cloudflare-access.py --create-policy"
        )
    return str(found["id"])
