"""The control server's configuration and its access policy.

Keys: headscale 0.26, config-example.yaml; policy: docs/ref/acls.md. Both are JSON, which the server reads as well as
YAML and HuJSON. No third party is needed: the map of relays is our own, so members ask nobody else how to find each
other.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from homeport.model.mesh import HOSTS

if TYPE_CHECKING:
    from homeport.model.mesh import Mesh, Rule

FOLDER = "/etc/headscale"
STATE = "/var/lib/headscale"
RUN = "/run/headscale"
PORT = 8080
"""HTTP inside the container; the edge proxy of the hub ends TLS in front of it."""
STUN = 3478


def config(mesh: Mesh) -> str:
    """``config.json``; holds no secret, for the server makes its own keys in its state folder."""
    return _json(
        {
            "server_url": mesh.url,
            "listen_addr": f"0.0.0.0:{PORT}",
            "metrics_listen_addr": "127.0.0.1:9090",
            "grpc_listen_addr": "127.0.0.1:50443",
            "noise": {"private_key_path": f"{STATE}/noise_private.key"},
            "prefixes": {"v4": mesh.subnet, "allocation": "sequential"},
            "derp": {"server": _relay(mesh), "urls": [], "paths": [], "auto_update_enabled": False},
            "disable_check_updates": True,
            "database": {"type": "sqlite", "sqlite": {"path": f"{STATE}/db.sqlite", "write_ahead_log": True}},
            "log": {"format": "json", "level": "info"},
            # An empty path would allow everything to everybody.
            "policy": {"mode": "file", "path": f"{FOLDER}/policy.json"},
            "dns": {"magic_dns": True, "base_domain": mesh.base_domain, "override_local_dns": False},
            "unix_socket": f"{RUN}/headscale.sock",
            "unix_socket_permission": "0700",
            # Otherwise clients send their logs to the client's vendor.
            "logtail": {"enabled": False},
        }
    )


def policy(mesh: Mesh) -> str:
    """``policy.json``: without a rule nobody reaches anybody. Nobody may give himself a tag; keys carry them."""
    return _json(
        {
            "tagOwners": {f"tag:{tag}": [] for tag in mesh.tags},
            "acls": [_rule(rule, mesh) for rule in mesh.rules],
        }
    )


def users(mesh: Mesh) -> tuple[str, ...]:
    """Every user that the server must know."""
    return (HOSTS, *sorted(mesh.users))


def _relay(mesh: Mesh) -> dict[str, Any]:
    return {
        "enabled": True,
        "region_id": 999,
        "region_code": "homeport",
        "region_name": "homeport",
        "stun_listen_addr": f"0.0.0.0:{STUN}",
        "private_key_path": f"{STATE}/derp_server_private.key",
        "automatically_add_embedded_derp_region": True,
        **({"ipv4": mesh.address} if mesh.address else {}),
    }


def _rule(rule: Rule, mesh: Mesh) -> dict[str, Any]:
    protocol = {"proto": rule.protocol} if rule.protocol else {}
    return {
        "action": "accept",
        **protocol,
        "src": [_alias(one, mesh) for one in rule.sources],
        "dst": [f"{_alias(one, mesh)}:{rule.ports}" for one in rule.targets],
    }


def _alias(name: str, mesh: Mesh) -> str:
    return f"{name}@" if name in mesh.users else name


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, indent=2, sort_keys=True) + "\n"
