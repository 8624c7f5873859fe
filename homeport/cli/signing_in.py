"""A stack's addresses and a member's WireGuard file, as its last update left them."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeport.cli.output import print_json, print_table
from homeport.cli.phases import say
from homeport.cli.places import from_here
from homeport.cli.status import taken_down
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from homeport.cli.pulumi_cli import PulumiCli

_OWN_KEY = "<the private key of this device>"
"""What stands where a device that has made its own key puts it (components/wireguard.py)."""


def open_address(pulumi: PulumiCli, service: str, *, json: bool = False) -> int:
    """Opens a service's first address in the browser, or lists all; the exit code.

    Raises:
        ToolError: The stack has no such address.
    """
    name = pulumi.stack.name
    addresses: list[dict[str, Any]] = pulumi.outputs().get("doors") or []
    if not addresses:
        down = taken_down(pulumi)
        why = f"it was taken down at {down}" if down else "no address is known of it yet"
        raise ToolError(f"stack {name}: {why}\n  fix: make up STACK={name}")
    there = [item for item in addresses if service in {"", item["service"]}]
    if not there:
        known = ", ".join(dict.fromkeys(item["service"] for item in addresses))
        first = addresses[0]["service"]
        raise ToolError(
            f"open: {service} has no address; there are: {known}\n  fix: bin/homeport open {first} --stack {name}"
        )
    if json:
        print_json({"stack": name, "addresses": there})
    elif service and webbrowser.open(there[0]["address"]):
        say(f"opened {there[0]['address']}")
    else:
        if service:
            say("homeport: this machine has no browser that can be opened; the address is")
        print_table(("service", "address"), [(item["service"], item["address"]) for item in there])
    return 0


def member(pulumi: PulumiCli, peer: str, *, to: str = "", code: bool = True, json: bool = False) -> int:
    """Shows a member's WireGuard file, as text and as a QR code, or writes it; the exit code.

    Raises:
        ToolError: The stack has no such member.
    """
    name = pulumi.stack.name
    outputs = pulumi.outputs(secrets=True)
    configs: dict[str, str] = outputs.get("client_configs") or {}
    if not configs:
        raise ToolError(
            f"stack {name}: it has no VPN, or was not brought up since it has one\n"
            f"  fix: bin/homeport colleague add you@example.com --stack {name}"
        )
    if peer and peer not in configs:
        raise ToolError(
            f"wireguard: there is no member {peer}; there are: {', '.join(sorted(configs))}\n"
            f"  fix: bin/homeport wireguard {min(configs)} --stack {name}"
        )
    if json:
        print_json({"stack": name, "members": sorted(configs), "config": configs.get(peer)})
        return 0
    if not peer:
        print("\n".join(sorted(configs)))
        return 0
    text = configs[peer]
    if _OWN_KEY in text:
        say(f"{peer} has made its own key: put it where the file says {_OWN_KEY}")
    if to:
        _write(Path(from_here(to)), text)
        return 0
    if not sys.stdout.isatty():
        say("homeport: a private key goes to a file or a pipe now; see that nobody else reads it")
    print(text, end="")
    if code and _OWN_KEY not in text and sys.stdout.isatty():
        print(f"\n{qr_code(text)}")
        say("In WireGuard's app: add a tunnel from a QR code. On a computer: homeport wireguard … --to wg.conf")
    return 0


def qr_code(text: str) -> str:
    """The text as a QR code of block characters, two rows of modules a line, with the margin that cameras need."""
    import segno  # noqa: PLC0415  # no other verb needs it

    rows = [bytes(row) for row in segno.make(text, error="l", micro=False).matrix_iter(border=4)]
    rows += [bytes(len(rows[0]))] * (len(rows) % 2)
    blocks = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
    pairs = zip(rows[::2], rows[1::2], strict=True)
    # Light modules are drawn, so that it is read on a terminal that is dark, as most are.
    return "\n".join("".join(blocks[pair] for pair in zip(upper, lower, strict=True)) for upper, lower in pairs)


def _write(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ToolError(f"{path}: cannot be written ({error.strerror})\n  fix: name another file with --to") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    say(f"wrote {path}, for this user alone; bring it up with: sudo wg-quick up {path}")
