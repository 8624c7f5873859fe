"""Manages the one Access policy that all applications share."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from infra_tools.access import Access, hosts, policy_name
from infra_tools.cloudflare_api import Api
from infra_tools.console import OK, ToolError
from infra_tools.settings import Settings

if TYPE_CHECKING:
    from infra_tools.console import Console

_PEOPLES = "allow"


def main(argv: list[str], console: Console) -> int:
    """Runs the program; its exit code."""
    parser = argparse.ArgumentParser(prog="manage-cloudflare-access.py", description=__doc__, allow_abbrev=False)
    parser.add_argument("--create-policy", action="store_true", help="make the policy, or change it to what is set")
    parser.add_argument("--list", action="store_true", help="list policies and applications")
    parser.add_argument("--apply-to-all", action="store_true", help="add the policy to all applications for people")
    parser.add_argument("--json", action="store_true", help="print one document of JSON")
    options = parser.parse_args(argv)
    if not (options.create_policy or options.list or options.apply_to_all):
        parser.error("say what to do: --create-policy, --list or --apply-to-all")
    settings = Settings()
    api = Api(settings, console)
    access, report = Access(api, console), dict[str, Any]()
    if options.create_policy:
        result, name = access.unify(settings)
        report["policy"] = {"name": name, "result": result}
    if options.apply_to_all:
        report["applied"] = _apply(access, policy_name(settings))
    if options.list:
        report |= _listed(api, access)
    if options.json:
        console.document(report)
    else:
        _show(report, console)
    return OK


def _apply(access: Access, name: str) -> list[dict[str, str]]:
    policy = access.policy(name)
    if policy is None:
        raise ToolError(f"there is no policy {name!r}\nfix: manage-cloudflare-access.py --create-policy")
    report = []
    for app in access.applications():
        decisions = {row.get("decision") for row in app.get("policies") or [] if isinstance(row, dict)}
        if app.get("type") != "self_hosted":
            result = f"skipped: of type {app.get('type')}"
        elif decisions and _PEOPLES not in decisions:
            # A webhook that lets a program in, or nobody, is not to be opened to people by the way.
            result = f"skipped: for {' and '.join(sorted(map(str, decisions)))}, not for people"
        else:
            result = access.attach(app, str(policy["id"]))
        report.append({"application": str(app["name"]), "hosts": ", ".join(hosts(app)), "result": result})
    return report


def _listed(api: Api, access: Access) -> dict[str, Any]:
    policies = [
        {"name": row["name"], "id": row["id"], "decision": row["decision"], "homeport": api.owned(row["name"])}
        for row in access.policies()
    ]
    applications = [
        {
            "name": app["name"],
            "type": app.get("type"),
            "hosts": hosts(app),
            "policies": [
                row.get("name") or row.get("id") for row in app.get("policies") or [] if isinstance(row, dict)
            ],
            "homeport": api.owned(app["name"]),
        }
        for app in access.applications()
    ]
    return {"policies": policies, "applications": applications}


def _show(report: dict[str, Any], console: Console) -> None:
    if "policy" in report:
        console.say(f"policy {report['policy']['name']!r}: {report['policy']['result']}")
    for row in report.get("applied", []):
        console.say(f"{row['application']} ({row['hosts']}): {row['result']}")
    for row in report.get("policies", []):
        console.say(f"policy {row['name']!r} ({row['decision']}){' of a homeport stack' if row['homeport'] else ''}")
    for row in report.get("applications", []):
        by = ", ".join(map(str, row["policies"])) or "no policy: nobody comes in"
        console.say(f"{', '.join(row['hosts'])}: {by}{' (of a homeport stack)' if row['homeport'] else ''}")
