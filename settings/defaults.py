"""What is filled in where the user said nothing: it depends on the stack's name, the environment and the exposure."""

from __future__ import annotations

import copy
from typing import Any

from settings.kinds import private_network
from settings.schema import ENVIRONMENTS

_SUBNET = "10.66.0.0/24"


def with_defaults(given: dict[str, Any], stack: str) -> dict[str, Any]:
    """A copy of what was given, with everything filled in that depends on something else. Mistakes are left as they are."""
    data = copy.deepcopy(given)
    if stack in ENVIRONMENTS:
        data.setdefault("environment", stack)
    environment = data.get("environment")
    exposure = data.setdefault("exposure", "local" if environment == "dev" else "direct")
    data.setdefault("domain", "localhost" if environment == "dev" else "example.com")
    data.setdefault("protect_data", environment == "prod")
    data.setdefault("hosts", {"main": {"mode": "local"}})
    private = data.setdefault("wireguard", {})
    if isinstance(private, dict):
        private.setdefault("enabled", exposure == "vpn" or bool(private.get("peers")))
    edge = data.setdefault("edge", {})
    if isinstance(edge, dict):
        usual = exposure in ("direct", "vpn")
        edge.setdefault("bind", _bind(exposure, private))
        edge.setdefault("http_port", 80 if usual else 8080)
        edge.setdefault("https_port", 443 if usual else 8443)
    return data


def _bind(exposure: Any, private: Any) -> str:
    if exposure == "direct":
        return "0.0.0.0"  # noqa: S104 - the one public door, and only when the user chose exposure direct
    if exposure != "vpn":
        return "127.0.0.1"
    try:
        return str(private_network(private.get("subnet", _SUBNET))[1])
    except (AttributeError, ValueError):
        return str(private_network(_SUBNET)[1])
