"""What is filled in where the user said nothing: it depends on the stack's name, the environment and the exposure."""

from __future__ import annotations

import copy
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from homeport.settings.kinds import private_network
from homeport.settings.schema import ENVIRONMENTS
from homeport.settings.vpn import DEFAULT_SUBNET

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def with_defaults(settings: dict[str, Any], stack: str, preset: Mapping[str, Any] = _NOTHING) -> dict[str, Any]:
    """A copy with everything filled in that depends on something else. Mistakes are left as they are.

    Args:
        settings: The user's settings.
        stack: The stack's name.
        preset: What the system has where the user says nothing: a section's keys one by one. Its exposure holds outside
            of dev, and what it has below an environment's name there alone.
    """
    data = copy.deepcopy(settings)
    if stack in ENVIRONMENTS:
        data.setdefault("environment", stack)
    environment = data.get("environment")
    exposure = data.setdefault("exposure", "local" if environment == "dev" else preset.get("exposure", "direct"))
    data.setdefault("domain", "localhost" if environment == "dev" else "example.com")
    data.setdefault("protect_data", environment == "prod")
    data.setdefault("hosts", {"main": {"mode": "local"}})
    if environment in ENVIRONMENTS:
        _sections(data, preset.get(environment, _NOTHING))
    _sections(data, preset)
    private = data.setdefault("wireguard", {})
    if isinstance(private, dict):
        private.setdefault("enabled", exposure == "vpn" or (bool(private.get("peers")) and _away(data)))
    edge = data.setdefault("edge", {})
    if isinstance(edge, dict):
        usual = exposure in ("direct", "vpn")
        edge.setdefault("bind", _bind(exposure, private))
        edge.setdefault("http_port", 80 if usual else 8080)
        edge.setdefault("https_port", 443 if usual else 8443)
    return data


def _sections(data: dict[str, Any], preset: Mapping[str, Any]) -> None:
    for name, section in preset.items():
        if not isinstance(section, dict):
            data.setdefault(name, section)
        elif name not in ENVIRONMENTS:
            _merge(data.setdefault(name, {}), section)


def _merge(mine: Any, preset: Mapping[str, Any]) -> None:
    """Adds what the preset has besides: a member of the VPN that the user names stands beside the preset's own."""
    if not isinstance(mine, dict):
        return
    for key, value in preset.items():
        if isinstance(value, dict):
            _merge(mine.setdefault(key, {}), value)
        else:
            mine.setdefault(key, copy.deepcopy(value))


def _away(data: dict[str, Any]) -> bool:
    """Whether there is a host that is not this machine."""
    hosts = data.get("hosts")
    machines = hosts.values() if isinstance(hosts, dict) else ()
    return any(isinstance(host, dict) and host.get("mode") in ("adopt", "create") for host in machines)


def _bind(exposure: Any, private: Any) -> str:
    if exposure == "direct":
        return "0.0.0.0"  # noqa: S104 - the proxy is public, and only when the user chose exposure direct
    if exposure != "vpn":
        return "127.0.0.1"
    try:
        return str(private_network(private.get("subnet", DEFAULT_SUBNET))[private.get("slot", 1)])
    except (AttributeError, IndexError, TypeError, ValueError):
        return str(DEFAULT_SUBNET[1])
