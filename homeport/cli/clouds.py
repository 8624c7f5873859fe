"""After a run that was killed or failed: what it made in the clouds and could not note is removed.

The next update makes it anew.
"""

from __future__ import annotations

from datetime import datetime
from math import inf
from typing import TYPE_CHECKING, Any, TypeVar

from homeport.cli.lost import SERVER, drop_references
from homeport.cli.phases import counted, say
from homeport.model import fixes
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from homeport.cli.pulumi_cli import PulumiCli

_PREFIX = "homeport:"
_Orphan = TypeVar("_Orphan")


def recover_clouds(pulumi: PulumiCli, since: float, pending: Sequence[Any] = ()) -> bool:
    """Removes orphans; true when there were any.

    Those at Cloudflare bear the stack's own random mark, so they are looked for in any case: an answer can be lost
    without a kill, and what was made then refuses every later update. Those at Hetzner are known by the stack's name
    alone, so a run that was killed or that failed must have made them. Of one that was killed on another machine no
    mark tells, but its state: by what was under way there.

    Args:
        pulumi: The stack and its Pulumi.
        since: When the killed run began, in seconds of the epoch; 0 if none was killed, or nobody knows of it.
        pending: What the state says was under way.

    Raises:
        ToolError: A cloud refuses or does not answer.
    """
    config = pulumi.config()
    state = pulumi.state()
    start, until = failed(pulumi)
    if since:
        # A killed run is not in the history, so nobody knows when its last request was answered.
        start, until = min(since, start or since), inf
    token = config.get(f"{_PREFIX}hcloud-token")
    removed = bool((start or pending) and token) and _recover_hetzner(pulumi, config, state, (start, until), pending)
    removed = _recover_cloudflare(pulumi, config, state, ran=bool(start)) or removed
    return _reread(pulumi, pulumi.state() if removed else state) or removed


def _recover_hetzner(
    pulumi: PulumiCli,
    config: dict[str, str],
    state: dict[str, Any],
    window: tuple[float, float],
    pending: Sequence[Any],
) -> bool:
    from homeport.cli import hetzner  # noqa: PLC0415  # no stack on this machine needs its client

    api, begun = hetzner.configured(config), hetzner.making(pending)
    orphans = _nobodys(
        pulumi, state, lambda known: hetzner.orphans(known, api, pulumi.stack.name, *window, begun=begun)
    )
    for orphan in orphans:
        say(f"    removing {orphan.kind} {orphan.name} at Hetzner Cloud, which the last run left behind")
    hetzner.remove(orphans)
    return bool(orphans)


def _recover_cloudflare(pulumi: PulumiCli, config: dict[str, str], state: dict[str, Any], *, ran: bool) -> bool:
    ids, token = pulumi.stack.plan.settings.cloudflare, config.get(f"{_PREFIX}cloudflare-api-token")
    if not ids or not token:
        return False
    from homeport.cli import cloudflare  # noqa: PLC0415  # its client costs a quarter of a second

    with cloudflare.client(token, config.get("cloudflare:baseUrl", cloudflare.PUBLIC)) as api:
        unknown = _nobodys(pulumi, state, lambda known: cloudflare.orphans(known, api, ids.account_id, ids.zone_id))
        for orphan in unknown:
            say(f"    removing {orphan.kind} {orphan.name} at Cloudflare, which the state does not know")
        cloudflare.remove(unknown, api)
        lost = cloudflare.gone(state, api, ids.account_id, ids.zone_id) if ran else []
    if lost:
        say(f"    {counted(len(lost), 'object')} gone from Cloudflare, and the state does not know")
        _drop(pulumi, set(lost))
    return bool(unknown) or bool(lost)


def _nobodys(
    pulumi: PulumiCli, state: dict[str, Any], orphans: Callable[[dict[str, Any]], list[_Orphan]]
) -> list[_Orphan]:
    """What a cloud has and no state knows, also where the state is shared: a colleague's update may just be making it.

    Raises:
        ToolError: An update is running: Pulumi's own lock, which only Pulumi takes there, says so.
    """
    seen = orphans(state)
    if not seen or pulumi.state_folder is not None:
        return seen
    # What was seen before, and is in no state after it, nobody is making.
    pulumi.refuse_running()
    return [orphan for orphan in orphans(pulumi.state()) if orphan in seen]


def left_at_hetzner(pulumi: PulumiCli) -> list[dict[str, str]]:
    """What bears the label of a stack that is down: it costs money, though no state knows of it.

    Nothing is removed: a stack of the same name in another folder may be in the same project.
    """
    config = pulumi.config()
    if not config.get(f"{_PREFIX}hcloud-token") or all(
        host.mode != "create" for host in pulumi.stack.plan.settings.hosts.values()
    ):
        return []
    from homeport.cli import hetzner  # noqa: PLC0415  # no stack on this machine needs its client

    try:
        left = hetzner.orphans({}, hetzner.configured(config), pulumi.stack.name, 0.0)
    except ToolError as error:
        say(f"    whether anything is left at Hetzner Cloud: {str(error).splitlines()[0]}")
        return []
    for item in left:
        say(f"    left at Hetzner Cloud: {item.kind} {item.name}, labelled as this stack's: if it is, delete it there")
    return [{"kind": item.kind, "name": item.name} for item in left]


def _drop(pulumi: PulumiCli, gone: set[str]) -> None:
    """Takes resources out of the state. Not by a refresh: Cloudflare still shows a tunnel that was deleted."""
    pulumi.rewrite(lambda rows: [drop_references(row, gone) for row in rows if row["urn"] not in gone])


def _reread(pulumi: PulumiCli, state: dict[str, Any]) -> bool:
    """Reads anew what an update left half changed; true when there was something.

    A provider of Terraform's older kind notes the wanted values when an update fails, and the next one finds nothing to
    do: a firewall would keep its old rules for ever. Servers are read anew by `homeport.cli.lost`, which minds what
    went with one that is gone.
    """
    kinds = ("hcloud:index/", "cloudflare:index/")
    damaged = [resource for resource in state.get("resources") or [] if resource.get("initErrors")]
    urns = [
        resource["urn"] for resource in damaged if resource["type"].startswith(kinds) and resource["type"] != SERVER
    ]
    if urns:
        say(f"    {counted(len(urns), 'object')} in the clouds left half changed; read anew")
        pulumi.ask("refresh", "--yes", "--skip-preview", "--suppress-outputs", *(f"--target={urn}" for urn in urns))
    return bool(urns)


def failed(pulumi: PulumiCli) -> tuple[float, float]:
    """When the updates that have failed since one succeeded began and ended, in seconds of the epoch.

    Zeros if the last one succeeded.
    An answer can be lost without a kill: the update fails, and what was made is nowhere noted.
    """
    since = until = 0.0
    for update in pulumi.history(20):
        if update["kind"] not in {"update", "destroy"}:
            continue
        if update["result"] != "failed":
            break
        since = _epoch(update["startTime"])
        until = until or _epoch(update["endTime"])
    return since, until


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def keys(pulumi: PulumiCli) -> list[str]:
    """What to do if a cloud refused the stack's key: for each cloud a line that names the key."""
    config = pulumi.config()
    advice = "if {} refused the token (401, 403, {}): {}"
    clouds = {
        "hcloud-token": ("Hetzner Cloud", "unauthorized, token_readonly"),
        "cloudflare-api-token": ("Cloudflare", "10000, 9109"),
    }
    return [
        advice.format(name, codes, fixes.for_stack(fixes.keep(key), pulumi.stack.name))
        for key, (name, codes) in clouds.items()
        if _PREFIX + key in config
    ]
