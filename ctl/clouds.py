"""After a killed run: what it made in the clouds and could not note is removed, so that the next update makes it anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctl import cloudflare, hetzner
from ctl.phases import say

if TYPE_CHECKING:
    from ctl.engine import Engine

_PREFIX = "homeport:"


def mend_clouds(engine: Engine, since: float) -> bool:
    """Removes orphans; true when there were any.

    Those at Cloudflare bear the stack's own random mark, so they are looked for in any case: an answer can be lost without a kill, and
    what was made then refuses every later update. Those at Hetzner are known by the stack's name alone, so a killed run must have made them.

    Args:
        engine: The engine and its stack.
        since: When the killed run began, in seconds of the epoch; 0 if none was killed.

    Raises:
        ToolError: A cloud refuses or does not answer.
    """
    config = engine.config()
    settings = engine.stack.settings
    state = engine.state()
    did = False
    if since and (token := config.get(f"{_PREFIX}hcloud-token")):
        api = hetzner.Api(token, config.get("hcloud:endpoint", hetzner.PUBLIC))
        found = hetzner.orphans(state, api, engine.stack.name, since)
        for one in found:
            say(f"    removing {one.kind} {one.name} at Hetzner Cloud, which the killed run left behind")
        hetzner.remove(found, api)
        did = bool(found)
    ids: dict[str, Any] = settings.get("cloudflare") or {}
    if ids and (token := config.get(f"{_PREFIX}cloudflare-api-token")):
        there = cloudflare.Api(token, config.get("cloudflare:baseUrl", cloudflare.PUBLIC))
        left = cloudflare.orphans(state, there, ids["account_id"], ids["zone_id"])
        for orphan in left:
            say(f"    removing {orphan.kind} {orphan.name} at Cloudflare, which the state does not know")
        cloudflare.remove(left, there)
        did = did or bool(left)
    return did
