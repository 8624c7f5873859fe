"""What nobody can change: locations, types, images, prices; and the actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rehearsal.clouds.hetzner import catalog, errors
from rehearsal.clouds.hetzner.listing import page
from rehearsal.clouds.hetzner.project import NOUNS, Answer, Call, Project

if TYPE_CHECKING:
    from collections.abc import Callable

_LISTS: Final[dict[str, tuple[tuple[dict[str, Any], ...], tuple[str, ...]]]] = {
    "locations": (catalog.LOCATIONS, ("name",)),
    "images": (catalog.IMAGES, ("name", "architecture", "type", "status", "include_deprecated")),
}


def listed(name: str) -> Callable[[Project, Call], Answer]:
    """The handler of a list."""

    def handler(project: Project, call: Call) -> Answer:  # noqa: ARG001
        rows, filters = _LISTS[name]
        # None of the images is deprecated: whether such are wanted changes nothing.
        query = {key: values for key, values in call.query.items() if key != "include_deprecated" or name != "images"}
        return 200, page(name, list(rows), query, filters)

    return handler


def single(name: str) -> Callable[[Project, Call], Answer]:
    """The handler of a single row."""
    rows, _ = _LISTS[name]

    def handler(project: Project, call: Call) -> Answer:  # noqa: ARG001
        row = catalog.named(rows, call.id)
        if row is None:
            raise errors.not_found(name.removesuffix("s"), call.id)
        return 200, {name.removesuffix("s"): row}

    return handler


def datacenters(project: Project, call: Call) -> Answer:  # noqa: ARG001
    """Gone, as announced for after 1 October 2026: hetznercloud/hcloud-python, release notes of v2.22.0."""
    raise errors.gone("datacenters")


def server_types(project: Project, call: Call) -> Answer:
    """What can be ordered where; `available` is what it is at this moment."""
    rows = [project.as_sold(row) for row in project.server_types]
    return 200, page("server_types", rows, call.query, ("name", "architecture"))


def server_type(project: Project, call: Call) -> Answer:
    """One server type."""
    row = project.server_type(call.id)
    if row is None:
        raise errors.not_found("server_type", call.id)
    return 200, {"server_type": row}


def pricing(project: Project, call: Call) -> Answer:  # noqa: ARG001
    """The prices of one day, see `catalog.PRICES_OF`."""
    return 200, {"pricing": catalog.PRICING}


def action(project: Project, call: Call) -> Answer:
    """One action; the last number of the path is its id."""
    row = project.get("actions", call.path[-1])
    return 200, {"action": project.action(row)}


def actions(table: str = "") -> Callable[[Project, Call], Answer]:
    """The handler of a list of actions: all, those of a table, or those of one resource."""

    def handler(project: Project, call: Call) -> Answer:
        rows = [project.action(row) for row in project.table("actions").values()]
        if table:
            kind = NOUNS[table]
            rows = [row for row in rows if any(resource["type"] == kind for resource in row["resources"])]
        if table and call.path:
            wanted = {"id": project.get(table, call.id)["id"], "type": NOUNS[table]}
            rows = [row for row in rows if wanted in row["resources"]]
        return 200, page("actions", rows, call.query, ("id", "status"))

    return handler
