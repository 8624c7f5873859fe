"""A server that was deleted behind our back takes its containers and volumes with it, and the state does not know.

A plain `pulumi up` would compare with the state and find nothing to do; `pulumi up --refresh` would ask a Docker that
is gone and fail. So the servers alone are refreshed first; where one is gone, everything that lived on it is dropped
from the state, and the update makes it all again on a new server with the old address.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from homeport.cli.phases import say
from homeport.model import names

if TYPE_CHECKING:
    from homeport.cli.pulumi_cli import PulumiCli

SERVER = "hcloud:index/server:Server"
_DOCKER = "pulumi:providers:docker"


def forget_lost(pulumi: PulumiCli) -> list[str]:
    """Drops from the state what went with lost servers; the servers' names.

    Raises:
        ToolError: Hetzner cannot be asked.
    """
    servers = {
        resource["urn"]: resource
        for resource in pulumi.state().get("resources") or []
        if resource.get("type") == SERVER
    }
    if not servers:
        return []
    # Not by --clear-pending-creates: what a killed run left is repaired elsewhere, with a word.
    pulumi.ask("refresh", "--yes", "--skip-preview", "--suppress-outputs", *(f"--target={urn}" for urn in servers))
    present = {resource["urn"] for resource in pulumi.state().get("resources") or []}
    lost = {urn: resource for urn, resource in servers.items() if urn not in present}
    if not lost:
        return []
    hosts = sorted(names.server_host(names.logical(urn)) for urn in lost)
    # That refresh has taken the state's lock, as `PulumiCli.rewrite` does it before.
    whole = json.loads(pulumi.ask("stack", "export"))
    whole["deployment"] = prune(whole["deployment"], set(hosts))
    pulumi.ask("stack", "import", input_=json.dumps(whole))
    for name in hosts:
        say(
            f"    server {name} is gone from Hetzner Cloud, and its containers and volumes with it: a new one is made\n"
            "    at the same address; restore its data from a backup"
        )
    return hosts


def prune(deployment: dict[str, Any], hosts: set[str]) -> dict[str, Any]:
    """A deployment less everything on the Docker of these hosts, and less what refers to it."""
    resources = deployment.get("resources") or []
    providers = {
        resource["urn"]
        for resource in resources
        if resource["type"] == _DOCKER and names.part_host(names.logical(resource["urn"]), "docker") in hosts
    }
    # The providers too: while one is in the state, its daemon is asked after a killed run (PulumiCli.daemons), and the
    # new server has none yet.
    gone = {
        *providers,
        *(resource["urn"] for resource in resources if names.provider(str(resource.get("provider", ""))) in providers),
    }
    kept = [drop_references(resource, gone) for resource in resources if resource["urn"] not in gone]
    pending = [item for item in deployment.get("pending_operations") or [] if item["resource"]["urn"] not in gone]
    pending = [item for item in pending if names.provider(str(item["resource"].get("provider", ""))) not in providers]
    return {**deployment, "resources": kept, **({"pending_operations": pending} if pending else {})}


def drop_references(resource: dict[str, Any], gone: set[str]) -> dict[str, Any]:
    """A resource of the state without its references to those that are gone; the engine refuses loose ends."""
    kept = dict(resource)
    if "dependencies" in kept:
        kept["dependencies"] = [urn for urn in kept["dependencies"] if urn not in gone]
    if "propertyDependencies" in kept:
        kept["propertyDependencies"] = {
            key: [urn for urn in urns or [] if urn not in gone] for key, urns in kept["propertyDependencies"].items()
        }
    return kept
