"""Where to sign in, and with what."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from homeport.cli.output import print_json
from homeport.cli.phases import say
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from homeport.cli.pulumi_cli import PulumiCli


def print_one(pulumi: PulumiCli, name: str) -> int:
    """Prints the value of one secret and nothing else, for a script.

    Raises:
        ToolError: The stack has no such secret.
    """
    values = pulumi.outputs(secrets=True).get("credentials") or {}
    if name not in values:
        known = ", ".join(sorted(values)) or "none yet"
        raise ToolError(f"credentials: there is no {name}; there are: {known}\n  fix: make credentials ARGS=--show")
    print(values[name])
    return 0


def show(pulumi: PulumiCli, *, values: bool, json: bool = False) -> int:
    """Prints the stack's addresses and, only when they are asked for, the values of its secrets; the exit code."""
    outputs = pulumi.outputs(secrets=values)
    credentials = outputs.get("credentials")
    name = pulumi.stack.name
    addresses = _addresses(outputs)
    if values and credentials and not sys.stdout.isatty():
        say("homeport: secrets go to a file or a pipe now; see that nobody else reads it")
    if json:
        print_json({"stack": name, "addresses": addresses, "credentials": credentials if values else None})
        return 0 if credentials else 1
    if not credentials:
        print(f"stack {name}: there are none yet. Bring it up: make up STACK={name}")
        return 1
    for item in addresses:
        print(f"{item['service']}: {item['address']}")
        for asked in item["sign_in"]:
            print(f"  {asked['asked_by']} asks for user {asked['user']} and the password {asked['secret']}")
    if not values:
        print(
            f"passwords and keys are kept in the encrypted state. Show them: make credentials STACK={name} ARGS=--show"
        )
        return 0
    width = max(len(key) for key in credentials)
    print("\n".join(f"{key.ljust(width)}  {value}" for key, value in sorted(credentials.items())))
    return 0


def _addresses(outputs: dict[str, Any]) -> list[dict[str, Any]]:
    """Where a person can go, each address with what is asked there: by whom, for which user, with which secret."""
    sign_ins = outputs.get("sign_in") or {}
    services = sorted((outputs.get("services") or {}).items())
    return [
        {"service": name, "address": service.get("url") or service.get("access"), "sign_in": sign_ins.get(name, [])}
        for name, service in services
        if service.get("url") or name in sign_ins
    ]
