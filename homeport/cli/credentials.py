"""Where to sign in, and with what."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from homeport.cli.output import print_json
from homeport.cli.phases import say
from homeport.cli.status import taken_down
from homeport.model.errors import ToolError
from homeport.model.fixes import both
from homeport.model.sign_in import service_token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.cli.pulumi_cli import PulumiCli


def print_one(pulumi: PulumiCli, name: str) -> int:
    """Prints the value of one secret and nothing else, for a script.

    Raises:
        ToolError: The stack has no such secret.
    """
    values = _values(pulumi.outputs(secrets=True))
    if name not in values:
        known = ", ".join(sorted(values)) or "none yet"
        fix = both("credentials", pulumi.stack.name, "--show")
        raise ToolError(f"credentials: there is no {name}; there are: {known}\n  fix: {fix}")
    print(values[name])
    return 0


def _values(outputs: Mapping[str, Any]) -> dict[str, str]:
    """The stack's secrets by name, with what is made of them and of what Cloudflare told: connections, tokens."""
    connections = {f"connection-{name}": text for name, text in (outputs.get("connections") or {}).items()}
    tokens = {
        service_token(route, part): token[f"client_{part}"]
        for route, token in (outputs.get("service_tokens") or {}).items()
        for part in ("id", "secret")
    }
    values = {**(outputs.get("credentials") or {}), **connections, **tokens}
    # Empty: of a section of the settings that this stack does not use.
    return {name: value for name, value in values.items() if value}


def show(pulumi: PulumiCli, *, values: bool, json: bool = False) -> int:
    """Prints the stack's addresses and, only when they are asked for, the values of its secrets; the exit code."""
    outputs = pulumi.outputs(secrets=values)
    credentials = _values(outputs) if values else outputs.get("credentials")
    name = pulumi.stack.name
    addresses = outputs.get("doors") or []
    if values and credentials and not sys.stdout.isatty():
        say("homeport: secrets go to a file or a pipe now; see that nobody else reads it")
    if json:
        print_json({"stack": name, "addresses": addresses, "credentials": credentials if values else None})
        return 0 if credentials else 1
    if not credentials:
        down = taken_down(pulumi)
        why = f"it was taken down at {down}" if down else "there are none yet"
        print(f"stack {name}: {why}. Bring it up: make up STACK={name}")
        return 1
    for item in addresses:
        print(f"{item['service']}: {item['address']}")
        for number, login in enumerate(item["logins"], 1):
            password = f"the password {login['secret']}" if login["secret"] else "no password of this stack"
            print(f"  {number}. {login['asked_by']} asks for user {login['user']} and {password}")
        for header in item["headers"]:
            print(f"  programs send {header['header']} with the secret {header['secret']} to {header['path']}")
    if not values:
        print(f"passwords and keys are kept in the encrypted state. Show them: {both('credentials', name, '--show')}")
        return 0
    width = max(len(key) for key in credentials)
    print("\n".join(f"{key.ljust(width)}  {value}" for key, value in sorted(credentials.items())))
    return 0
