"""Puts right what a killed run left: operations that nobody knows the end of, and objects that the state does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeport.cli import daemon
from homeport.cli.phases import say
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.cli.daemon import Found
    from homeport.cli.pulumi_cli import PulumiCli


def repair(pulumi: PulumiCli, *, killed: bool) -> bool:
    """Makes state and Docker agree again, so that the next update converges; true when there was something to do.

    Operations whose end is unknown are settled by a refresh: what was being made is dropped from the state, what was being changed
    or deleted is read anew. Then containers and networks of this stack that the state does not know are removed: the update makes
    them again. A volume with data is never removed: to make one again under its name is to find it.

    Args:
        pulumi: The stack and its Pulumi.
        killed: Whether a run is known to have been killed. Without that, strange objects belong to somebody else.

    Raises:
        ToolError: There are objects of a stack of this name that another state folder must know.
    """
    state = pulumi.state()
    pending = state.get("pending_operations") or []
    if pending:
        say(f"    {len(pending)} operations were under way when the last run was killed; asking Docker how they ended")
        _refresh(pulumi)
        state = pulumi.state()
    elif moved := moved_images(state, pulumi):
        say(f"    {len(moved)} images are others than those of the last run; reading them anew")
        _refresh(pulumi, *moved)
    strangers = unknown(state, pulumi)
    if not strangers:
        return bool(pending)
    if not killed and not pending:
        kept = [one for _, one in strangers if one.kind != "volume"]
        if kept:
            _refuse(kept, pulumi.stack.name)
        return False
    for where, one in strangers:
        say(f"    removing {one.kind} {one.name}, which a killed run left behind")
        daemon.remove(one, where)
    return True


def moved_images(state: dict[str, Any], pulumi: PulumiCli) -> list[str]:
    """The URNs of images that are not on the daemon as the state has them: built or pulled anew under their name, or removed.

    An update compares with the state alone, so it would make containers from an image that is gone (pulumi-docker#325).
    """
    kind = "docker:index/remoteImage:RemoteImage"
    images = [one for one in state.get("resources") or [] if one.get("type") == kind]
    # What is named by its digest cannot become another.
    images = [one for one in images if "@" not in one["inputs"]["name"]]
    names = sorted({str(one["inputs"]["name"]) for one in images})
    found = [one for where in pulumi.daemons() for one in daemon.inspect("image", names, where)]
    there = {(tag, one["Id"]) for one in found for tag in one.get("RepoTags") or []}
    return [
        one["urn"] for one in images if (one["inputs"]["name"], (one.get("outputs") or {}).get("imageId")) not in there
    ]


def _refresh(pulumi: PulumiCli, *urns: str) -> None:
    targets = [f"--target={urn}" for urn in urns]
    flags = ("--yes", "--skip-preview", "--clear-pending-creates", "--non-interactive", "--suppress-outputs")
    try:
        pulumi.ask("refresh", *flags, *targets)
    except ToolError as error:
        raise ToolError(f"{error}\n  or: pulumi stack export, and mend pending_operations by hand") from error


def unknown(state: dict[str, Any], pulumi: PulumiCli) -> list[tuple[Mapping[str, str], Found]]:
    """Objects that carry the stack's label and are not in its state, each with its daemon; volumes with data excepted."""
    return [(where, one) for where in pulumi.daemons() for one in _unknown(state, pulumi.stack.name, where)]


def _unknown(state: dict[str, Any], stack: str, where: Mapping[str, str]) -> list[Found]:
    resources = state.get("resources") or []
    known = {one.get("id") for one in resources if str(one.get("type", "")).startswith("docker:")}
    labelled = daemon.objects(stack, where)
    volumes = {one.name for one in labelled if one.kind == "volume"}
    strangers = [one for one in labelled if one.id not in known and one.labels.get("data") != "true"]
    # A shared volume says nothing of data: it has no owner whose data it could be, so it is kept as well.
    strangers = [one for one in strangers if one.kind != "volume" or one.labels.get("data") == "false"]
    return [*daemon.carriers(volumes, where), *strangers]


def _refuse(strangers: list[Found], stack: str) -> None:
    names = ", ".join(f"{one.kind} {one.name}" for one in strangers)
    raise ToolError(
        f"stack {stack}: Docker holds objects of a stack of this name that are not in this state: {names}\n"
        "  They belong to another state folder (another HOMEPORT_CACHE, user or login), or their state was lost.\n"
        f"  mend it: make down there; or, to remove them (volumes with data are kept): make repair STACK={stack}"
    )
