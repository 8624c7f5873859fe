"""Repairs what a killed run left: operations that nobody knows the end of, and objects that the state does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeport.cli import daemon, deployed
from homeport.cli.phases import counted, say
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from homeport.cli.daemon import DockerObject
    from homeport.cli.pulumi_cli import PulumiCli


def repair(pulumi: PulumiCli, *, killed: bool, pending: Sequence[Any] = ()) -> bool:
    """Makes state and Docker agree again, so that the next update converges; true when there was something to do.

    Operations whose end is unknown are settled by a refresh: what was being made is dropped from the state, what was
    being changed or deleted is read anew. Then containers and networks of this stack that the state does not know are
    removed: the update makes them again. A volume with data is never removed: to make one again under its name is to
    find it.

    Args:
        pulumi: The stack and its Pulumi.
        killed: Whether a run is known to have been killed. Without that, strange objects belong to somebody else.
        pending: Such operations that were in the state before and are forgotten there by now.

    Raises:
        ToolError: There are objects of a stack of this name that another state folder must know.
    """
    state = pulumi.state()
    pending = pending or state.get("pending_operations") or []
    if pending:
        what = f"{counted(len(pending), 'operation')} {'was' if len(pending) == 1 else 'were'} under way"
        say(f"    {what} when the last run was killed; asking Docker for the end")
        _refresh(pulumi)
        state = pulumi.state()
    elif moved := moved_images(state, pulumi):
        say(f"    {counted(len(moved), 'image')} not as the last run had it; read anew")
        _refresh(pulumi, *moved)
    strangers = unknown(state, pulumi)
    if not strangers:
        return bool(pending)
    if not killed and not pending:
        kept = [item for _, item in strangers if item.kind != "volume"]
        if kept:
            _refuse(kept, pulumi.stack.name)
        return False
    # Where the state is shared, a colleague's update may have been making them: by its end the state has them.
    pulumi.refuse_running()
    nobodys = {item.id for _, item in unknown(pulumi.state(), pulumi)}
    for where, item in (stranger for stranger in strangers if stranger[1].id in nobodys):
        say(f"    removing {item.kind} {item.name}, which a killed run left behind")
        daemon.settle(item, where)
        daemon.remove(item, where)
    return True


def moved_images(state: dict[str, Any], pulumi: PulumiCli) -> list[str]:
    """The URNs of images that are not on the daemon as the state has them.

    They were built or pulled anew under their name, or removed.
    An update compares with the state alone, so it would make containers from an image that is gone (pulumi-docker#325).
    """
    kind = "docker:index/remoteImage:RemoteImage"
    images = [item for item in state.get("resources") or [] if item.get("type") == kind]
    # What is named by its digest cannot become another.
    images = [item for item in images if "@" not in item["inputs"]["name"]]
    names = sorted({str(item["inputs"]["name"]) for item in images})
    inspected = [item for where in pulumi.daemons() for item in daemon.inspect("image", names, where)]
    present = {(tag, item["Id"]) for item in inspected for tag in item.get("RepoTags") or []}
    return [
        item["urn"]
        for item in images
        if (item["inputs"]["name"], (item.get("outputs") or {}).get("imageId")) not in present
    ]


def _refresh(pulumi: PulumiCli, *urns: str) -> None:
    targets = [f"--target={urn}" for urn in urns]
    flags = ("--yes", "--skip-preview", "--clear-pending-creates", "--non-interactive", "--suppress-outputs")
    try:
        pulumi.ask("refresh", *flags, *targets)
    except ToolError as error:
        edit = "bin/homeport pulumi stack export, and edit pending_operations by hand"
        raise ToolError(f"{error}\n  or: {edit}") from error


def unknown(state: dict[str, Any], pulumi: PulumiCli) -> list[tuple[Mapping[str, str], DockerObject]]:
    """Objects with the stack's label that are not in its state, each with its daemon; never volumes with data."""
    return [(where, item) for where in pulumi.daemons() for item in _unknown(state, pulumi.stack.name, where)]


def _unknown(state: dict[str, Any], stack: str, where: Mapping[str, str]) -> list[DockerObject]:
    resources = state.get("resources") or []
    known = {item.get("id") for item in resources if str(item.get("type", "")).startswith("docker:")}
    labelled = daemon.objects(stack, where)
    volumes = {item.name for item in labelled if item.kind == "volume"}
    templates = deployed.templates(resources)
    strangers = [
        item
        for item in labelled
        if item.id not in known
        and item.labels.get("data") != "true"
        and not deployed.is_copy(item.labels.get("copy", ""), templates)
    ]
    # A shared volume says nothing of data: it has no owner whose data it could be, so it is kept as well.
    strangers = [item for item in strangers if item.kind != "volume" or item.labels.get("data") == "false"]
    return [*daemon.carriers(volumes, where), *strangers]


def _refuse(strangers: list[DockerObject], stack: str) -> None:
    names = ", ".join(f"{item.kind} {item.name}" for item in strangers)
    raise ToolError(
        f"stack {stack}: Docker holds objects of a stack of this name that are not in this state: {names}\n"
        "  They belong to another state folder (another HOMEPORT_CACHE, user or login), or their state was lost.\n"
        f"  fix: make down there; or, to remove them (volumes with data are kept): make repair STACK={stack}"
    )
