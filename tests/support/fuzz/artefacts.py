"""What is rendered of a plan, by what reads it, and how it reads without that program."""

from __future__ import annotations

import base64
import configparser
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

import yaml

from components.connection import private_key, public_key
from homeport.model import template
from homeport.model.access import public_hostnames
from homeport.render import (
    caddy,
    cloud_init,
    cloudflared,
    databases,
    fail2ban,
    netfilter,
    shutdown,
    sshd,
    ufw,
    wireguard,
)
from homeport.render.export import compose
from tests.support.checkout import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from homeport.model.service import Service
    from homeport.plan.hosts import HostPlan
    from homeport.plan.resolve import Plan

KEY = "0123456789abcdefghijklmnopqrstuvwxyzABCDEF+="
SSH = private_key("qUmLqHdRZ1eWdJXk0cJ7zq9P3o0kQm3o5l4mJb2u5S8=")
Artefact = tuple[str, str, Any]
"""Where it belongs, which reader takes it (a key of PURE), and what it is."""


def artefacts(plan: Plan) -> Iterator[Artefact]:
    """Everything of a plan that some program reads by a syntax of its own."""
    blueprint = plan.blueprint
    if any(service.edge for service in blueprint.services):
        guards = {f"{name}": _filled(text) for name, text in caddy.snippets(blueprint.routes).items()}
        yield "proxy", "caddy", {"Caddyfile": caddy.caddyfile(blueprint), **guards}
    files = {service.name: f"{service.name}-files" for service in blueprint.services if _has_files(service)}
    yield "compose", "compose", compose.text(compose.model(blueprint, files))
    for server in sorted({database.server for database in blueprint.databases}):
        known = {service.name for service in blueprint.services}
        if server in known:
            script = databases.script(blueprint, server, ROOT, dict.fromkeys(blueprint.secrets(), KEY))
            yield f"sql {server}", "psql", "".join(re.findall(r"^\\set .*\n", script, re.MULTILINE))
    for host in plan.hosts.values():
        if host.machine.mode != "local":
            yield from _of_host(plan, host)


def _has_files(service: Service) -> bool:
    return bool(service.files or service.secret_files or service.edge)


def _filled(text: str) -> str:
    return template.fill(text, dict.fromkeys(template.names(text), KEY), template.PROXY)


def _of_host(plan: Plan, host: HostPlan) -> Iterator[Artefact]:
    user = host.machine.user if host.machine.mode == "adopt" else "deploy"
    for file in sshd.files(ports=host.ssh_ports, users=(user,), host_key=sshd.DISTRIBUTION_KEY):
        if file.path == sshd.PATH:
            yield f"{host.name} sshd", "sshd", file.content
    for version in (4, 6):
        yield f"{host.name} filter v{version}", f"iptables{version}", netfilter.restore(host.rules, version)
        yield f"{host.name} ufw v{version}", f"iptables{version}", ufw.user_rules(host.rules, version)
    if host.vpn:
        rotating = plan.settings.wireguard.rotating
        [file] = [file for file in wireguard.files(host.vpn, rotating) if file.path.endswith("/wg0.conf")]
        yield f"{host.name} wireguard", "wireguard", file.filled(_keys(file.content)).content
        for peer in host.vpn.peers:
            text = wireguard.client(host.vpn, peer)
            known = _keys(text) | {"endpoint": "192.0.2.1"}
            yield f"{host.name} member {peer.name}", "wireguard", template.fill(text, known, template.TEXT)
    if host.fail2ban:
        trusted = (host.vpn.subnet,) if host.vpn else ()
        yield f"{host.name} fail2ban", "fail2ban", fail2ban.files(ports=host.ssh_ports, trusted=trusted)[0].content
    if host.machine.mode == "create":
        keys = {
            "host_private": SSH,
            "host_public": public_key("x" * 43 + "="),
            "authorized": public_key("y" * 43 + "="),
        }
        yield f"{host.name} birth", "cloud_init", cloud_init.cloud_init(user=user, port=host.ssh_ports[0], **keys)
    if plan.settings.exposure == "tunnel" and plan.settings.cloudflare:
        files = cloudflared.files(public_hostnames(plan.blueprint))
        [file] = [file for file in files if file.path == cloudflared.CONFIG]
        known = {name: f"id-{number}" for number, name in enumerate(template.names(file.content))}
        known["team"] = plan.settings.cloudflare.team or ""
        yield (
            f"{host.name} connector",
            "yaml",
            file.filled(known).content,
        )
    yield f"{host.name} order", "lines", "\n".join(file.content for file in shutdown.files(host.stop_order))


def _keys(text: str) -> dict[str, str]:
    """By their place: the names of peers are fuzzed, and are to be no part of their keys."""
    names = template.names(text)
    raw = [hashlib.sha256(str(number).encode()).digest() for number in range(len(names))]
    keys = {name: base64.b64encode(one).decode() for name, one in zip(names, raw, strict=True)}
    return {name: wireguard.clamp(key) if name == "private-key" else key for name, key in keys.items()}


def _sshd(text: str) -> Any:
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _iptables(text: str) -> Any:
    return [re.findall(r'"[^"]*"|\S+', line) for line in text.splitlines() if line and not line.startswith("#")]


def _wireguard(text: str) -> Any:
    sections: list[list[Any]] = []
    for line in text.splitlines():
        said = line.partition("#")[0].strip()
        if said.startswith("["):
            sections.append([said])
        elif said:
            key, _, value = said.partition("=")
            sections[-1].append((key.strip(), value.strip()))
    return sections


def _ini(text: str) -> Any:
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    return {section: dict(parser[section]) for section in parser.sections()}


def _compose(text: str) -> Any:
    def undoubled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: undoubled(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [undoubled(inner) for inner in value]
        if isinstance(value, str):
            return re.sub(r"\$(\$|.)", lambda match: "$" if match[1] == "$" else f"<variable {match[1]}>", value)
        return value

    return undoubled(yaml.safe_load(text))


def _psql(text: str) -> Any:
    quoted = r"\\set ([a-z_]+) '((?:[^'\\\n]|''|\\.)*)'"
    lines = text.splitlines()
    read = [line for line in (re.fullmatch(quoted, one) for one in lines) if line]
    values = {line[1]: re.sub(r"\\(.)", r"\1", line[2].replace("''", "'")) for line in read}
    return {**values, "lines not read": str(len(lines) - len(read))}


def _caddy(files: Mapping[str, str]) -> Any:
    return {name: [_tokens(line) for line in text.splitlines()] for name, text in files.items()}


def _tokens(line: str) -> list[str]:
    """A line of a Caddyfile as its lexer splits it (caddyconfig/caddyfile/lexer.go); placeholders are marked."""
    tokens = re.findall(r'"(?:[^"\\]|\\.)*"|`[^`]*`|(?:(?<=\s)|^)#.*|[^\s"`][^\s]*', line)
    kept = [token for token in tokens if not token.startswith("#")]
    return [re.sub(r"\{[^{}\s]+\}", lambda match: f"<evaluated {match[0]}>", token) for token in kept]


PURE: dict[str, Callable[[Any], Any]] = {
    "caddy": _caddy,
    "compose": _compose,
    "psql": _psql,
    "sshd": _sshd,
    "iptables4": _iptables,
    "iptables6": _iptables,
    "wireguard": _wireguard,
    "fail2ban": _ini,
    "cloud_init": yaml.safe_load,
    "yaml": yaml.safe_load,
    "lines": lambda text: [line.split() for line in text.splitlines()],
}


def flat(value: Any, path: str = "") -> Iterator[str]:
    """A reading as a set of lines, order aside: keys down to a value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flat(inner, f"{path}/{key}")
        if not value:
            yield f"{path} is empty"
    elif isinstance(value, list | tuple):
        if all(isinstance(inner, str) for inner in value):
            yield f"{path} = {json.dumps(value)}"
        else:
            for inner in value:
                yield from flat(inner, path)
    else:
        yield f"{path} = {json.dumps(value, default=str)}"
