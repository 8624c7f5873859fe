"""A colleague is added and removed: the mail address that Cloudflare Access lets in, and a device in the VPN.

The stack's settings are what says who comes in; these are the two edits of them that belong together, checked as a
whole before anything is written.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from homeport.cli import pulumi_cli
from homeport.model import fixes
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from homeport.cli.stack import Stack

_ROOT = "homeport:settings"


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is to be written into a stack's file.

    Attributes:
        settings: The settings as they are then.
        sets: Path to value, in order.
        removes: Paths that go.
        said: What it gives or takes away, for the person.
    """

    settings: dict[str, Any]
    sets: tuple[tuple[str, str], ...] = ()
    removes: tuple[str, ...] = ()
    said: tuple[str, ...] = field(default=())


def add(stack: Stack, mail: str, device: str = "") -> Change:
    """Lets a person in: through Cloudflare Access where the stack has a tunnel, and with a device into the VPN.

    Raises:
        ToolError: There is nothing that could be given, or the person has it already.
        SettingsError: What would be written is wrong.
    """
    plan, settings = stack.plan.settings, copy.deepcopy(stack.settings)
    peers: dict[str, Any] = _below(settings, "wireguard", "peers", {})
    sets: list[tuple[str, str]] = []
    said: list[str] = []
    emails: list[str] = list(plan.access.emails)
    if plan.exposure == "tunnel" and mail not in emails:
        sets += [(f"access.emails[{number}]", name) for number, name in enumerate([*emails, mail])]
        _below(settings, "access", "emails", [])[:] = [*emails, mail]
        said.append(f"{mail} passes Cloudflare Access")
    device = device or _device(mail)
    if plan.wireguard.enabled and device not in plan.wireguard.peers:
        slot = _free_slot(stack)
        peers[device] = {"slot": slot}
        sets.append((f"wireguard.peers.{device}.slot", str(slot)))
        said.append(f"the device {device} joins the VPN: homeport wireguard {device} --stack {stack.name}")
    if not sets and plan.exposure != "tunnel" and not plan.wireguard.enabled:
        raise ToolError(
            f"stack {stack.name}: it has neither a tunnel with Cloudflare Access nor a VPN to let anybody in by\n"
            f"  fix: {fixes.put_command(f'{_ROOT}.wireguard.enabled', value=True)}"
        )
    if not sets:
        raise ToolError(
            f"colleague: {mail} is let in already, and {device} is in the VPN\n"
            f"  fix: name another device with --device, or bin/homeport colleague remove {mail} --stack {stack.name}"
        )
    return _checked(stack, Change(settings=settings, sets=tuple(sets), said=tuple(said)))


def remove(stack: Stack, mail: str, device: str = "") -> Change:
    """Takes away what `add` gave.

    Raises:
        ToolError: The person has nothing, or came in otherwise.
        SettingsError: What would be left is wrong.
    """
    settings = copy.deepcopy(stack.settings)
    emails: list[str] = list((settings.get("access") or {}).get("emails") or [])
    peers: dict[str, Any] = (settings.get("wireguard") or {}).get("peers") or {}
    # A mistyped address takes no device away that it only resembles.
    guessed = not device and bool(emails) and mail not in emails
    device = device or _device(mail)
    removes: list[str] = []
    sets: list[tuple[str, str]] = []
    said: list[str] = []
    if mail in emails:
        rest = [name for name in emails if name != mail]
        removes.append("access.emails")
        sets += [(f"access.emails[{number}]", name) for number, name in enumerate(rest)]
        settings["access"]["emails"] = rest
        said.append(f"{mail} does not pass Cloudflare Access any more; a login that is open ends by itself")
    if device in peers and not guessed:
        del peers[device]
        removes.append(f"wireguard.peers.{device}")
        said.append(f"the device {device} leaves the VPN with the update")
    if not removes:
        known = ", ".join([*emails, *peers]) or "nobody"
        raise ToolError(
            f"colleague: {mail} is not among those whom the settings name; there are: {known}\n"
            f"  fix: name the device with --device, or edit Pulumi.{stack.name}.yaml"
        )
    return _checked(stack, Change(settings=settings, sets=tuple(sets), removes=tuple(removes), said=tuple(said)))


def write(stack: Stack, change: Change) -> None:
    """Writes it into the stack's file, as `pulumi config` does."""
    pulumi = pulumi_cli.prepared(stack)
    if not pulumi.has_stack:
        pulumi_cli.module("toolchain.engine", "init-stack", stack.name, quiet=True)
    for path in change.removes:
        pulumi.ask("config", "rm", "--path", f"{_ROOT}.{path}")
    for path, value in change.sets:
        pulumi.ask("config", "set", "--path", f"{_ROOT}.{path}", "--plaintext", value)


def _checked(stack: Stack, change: Change) -> Change:
    _ = replace(stack, settings=change.settings).plan
    return change


def _device(mail: str) -> str:
    """A device's name out of a mail address."""
    name = re.sub(r"[^a-z0-9]+", "-", mail.partition("@")[0].lower()).strip("-")
    return f"{name if name[:1].isalpha() else f'device-{name}'}"[:40].strip("-")


def _free_slot(stack: Stack) -> int:
    private = stack.plan.settings.wireguard
    taken = {private.slot, *(peer.slot for peer in private.peers.values())}
    last = min(254, private.subnet.num_addresses - 2)
    free = next((slot for slot in range(2, last + 1) if slot not in taken), None)
    if free is None:
        raise ToolError(
            f"stack {stack.name}: no place is free in the VPN's subnet {private.subnet}\n"
            f"  fix: bin/homeport colleague remove … --stack {stack.name}, or a wider {_ROOT}.wireguard.subnet"
        )
    return free


def _below(settings: dict[str, Any], section: str, name: str, empty: Any) -> Any:
    part = settings.get(section)
    if not isinstance(part, dict):
        part = settings[section] = {}
    if not isinstance(part.get(name), type(empty)):
        part[name] = empty
    return part[name]
