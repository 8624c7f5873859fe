"""Every secret of the rehearsed production: all that the engine itself keeps encrypted, and what is made of it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from homeport.render import wireguard
from rehearsal.claims import leaks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.claims.view import View

SECRET = "4dabf18193072939515e22adb298388d"
"""The key that marks a special value, and `1b47061264138c4ac30d75fd1eb44270`, a secret's.

Source: Pulumi's developer documentation, property values.
"""
_KEY = re.compile(r"(?m)^\s*(?:PrivateKey|PresharedKey)\s*=\s*(\S+)")


def every(rehearsed: Any, view: View) -> dict[str, str]:
    """Name to value."""
    state = json.loads(rehearsed.engine.ask("stack", "export", "--show-secrets"))["deployment"]
    found = dict(leaks.known(view))
    for one in state["resources"]:
        found |= _drawn(one) if one["type"].startswith("random:") else {}
        if one["type"].startswith("pulumi:providers:"):
            found |= {
                f"{one['urn'].rpartition('::')[2]} {key}": value for key, value in _secrets(one.get("inputs") or {})
            }
    outputs = rehearsed.outputs
    for name, text in outputs["client_configs"].items():
        found |= {f"configuration of {name} #{number}": key for number, key in enumerate(_KEY.findall(text))}
    found |= {f"token {name}": token["client_secret"] for name, token in outputs["service_tokens"].items()}
    found |= {
        "token hetzner": rehearsed.world["hcloud"]["token"],
        "token cloudflare": rehearsed.world["cloudflare"]["token"],
    }
    found["key of wg0"] = view.run("cat", "/etc/wireguard/private.key").strip()
    files = view.run("sh", "-c", "cat ~/.cloudflared/*.json")
    found["tunnel"] = json.loads(files)["TunnelSecret"]
    return found


def _drawn(one: dict[str, Any]) -> dict[str, str]:
    """What pulumi-random drew, and all that `components/random_secret.py` makes of it."""
    name, found = one["urn"].rpartition("::")[2], {}
    for key, value in _secrets(one.get("outputs") or {}):
        found[f"{name} {key}"] = value
        if key == "result":
            raw = hashlib.sha256(value.encode()).digest()
            found |= {f"{name} bytes": base64.b64encode(raw).decode(), f"{name} digits": raw.hex()}
            # Within something longer, as the private key of an SSH identity is within its file.
            for shift in (1, 2):
                found[f"{name} bytes at {shift}"] = base64.b64encode(bytes(shift) + raw).decode()[4:-4]
            if name.startswith("wireguard-"):
                found[f"{name} key"] = wireguard.clamp(found[f"{name} bytes"])
    return found


def _secrets(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """The texts in it that the engine keeps as secrets; no hash that nobody can turn back."""
    if isinstance(value, dict) and SECRET in value and "plaintext" in value:
        plain = json.loads(value["plaintext"])
        if isinstance(plain, str) and len(plain) >= 16 and key != "bcryptHash":
            yield key, plain
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _secrets(inner, name)
