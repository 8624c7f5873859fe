"""Prints the audience tag of the Access application of the Lambda API, and nothing else on standard output."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from infra_tools.access import Access
from infra_tools.cloudflare_api import Api
from infra_tools.console import OK, ToolError
from infra_tools.settings import Settings

if TYPE_CHECKING:
    from infra_tools.console import Console

HOST = "LAMBDA_HOSTNAME"


def lambda_host(settings: Settings, api: Api, named: str | None = None) -> str:
    """Host name of the Lambda API: named, or set, or `api` in the zone."""
    known = settings.get(HOST)
    return api.host(named or (known if known and not known.startswith(":") else f"api.{api.zone_name}"), HOST)


def main(argv: list[str], console: Console) -> int:
    """Runs the program; its exit code."""
    parser = argparse.ArgumentParser(prog="get-lambda-api-aud-tag.py", description=__doc__, allow_abbrev=False)
    parser.add_argument("--hostname", help=f"the application's host name (default: ${HOST}, else api.<zone>)")
    parser.add_argument("--json", action="store_true", help="print one document of JSON")
    options = parser.parse_args(argv)
    settings = Settings()
    api = Api(settings, console)
    host = lambda_host(settings, api, options.hostname)
    app = Access(api, console).application(host)
    if app is None or not app.get("aud"):
        raise ToolError(f"no Access application protects {host}\nfix: setup-lambda-api-access.py --hostname {host}")
    if options.json:
        console.document({"hostname": host, "aud": app["aud"]})
    else:
        console.say(str(app["aud"]))
    return OK
