"""Which request goes where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rehearsal.clouds.hetzner import errors
from rehearsal.clouds.hetzner.api import (
    firewalls,
    fixed,
    floating_ips,
    networks,
    primary_ips,
    server_actions,
    server_networks,
    servers,
    ssh_keys,
    volumes,
)
from rehearsal.clouds.kit.routing import NoRouteError, Routes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from rehearsal.clouds.hetzner.project import Answer, Call, Project

_ACTIONS: Final[dict[str, tuple[ModuleType, str]]] = {
    "firewalls": (firewalls, "set_rules apply_to_resources remove_from_resources"),
    "primary_ips": (primary_ips, "assign unassign change_dns_ptr change_protection"),
    "floating_ips": (floating_ips, "assign unassign change_dns_ptr change_protection"),
    "networks": (networks, "add_subnet delete_subnet add_route delete_route change_ip_range change_protection"),
    "volumes": (volumes, "attach detach resize change_protection"),
    "servers": (
        server_actions,
        (
            "rebuild change_type change_protection change_dns_ptr enable_backup disable_backup enable_rescue "
            "disable_rescue add_to_placement_group remove_from_placement_group"
        ),
    ),
}
_TABLES: Final = {
    **{
        name: (module.TABLE, module.create, module.delete)
        for name, (module, _) in _ACTIONS.items()
        if name != "servers"
    },
    "servers": (servers.TABLE, servers.create, servers.delete),
    "ssh_keys": (ssh_keys.TABLE, ssh_keys.create, ssh_keys.delete),
    "placement_groups": (volumes.GROUPS, volumes.create_group, volumes.delete_group),
}


def _routes() -> Iterator[tuple[str, str, Callable[[Project, Call], Answer]]]:
    for name, (table, create, delete) in _TABLES.items():
        yield "POST", name, create
        yield "GET", name, table.list
        yield "GET", f"{name}/N", table.read
        yield "PUT", f"{name}/N", table.update
        yield "DELETE", f"{name}/N", delete
    for name, (module, actions) in _ACTIONS.items():
        for action in actions.split():
            yield "POST", f"{name}/N/actions/{action}", getattr(module, action)
        yield "GET", f"{name}/actions", fixed.actions(name)
        yield "GET", f"{name}/N/actions", fixed.actions(name)
        yield "GET", f"{name}/actions/N", fixed.action
        yield "GET", f"{name}/N/actions/N", fixed.action
    for action in ("poweron", "poweroff", "shutdown", "reboot", "reset"):
        yield "POST", f"servers/N/actions/{action}", server_actions.power(action)
    for action in ("attach_to_network", "detach_from_network", "change_alias_ips"):
        yield "POST", f"servers/N/actions/{action}", getattr(server_networks, action)
    for name in ("locations", "images"):
        yield "GET", name, fixed.listed(name)
        yield "GET", f"{name}/N", fixed.single(name)
    for name in ("datacenters", "datacenters/N"):
        yield "GET", name, fixed.datacenters
    yield "GET", "server_types", fixed.server_types
    yield "GET", "server_types/N", fixed.server_type
    yield "GET", "actions", fixed.actions()
    yield "GET", "actions/N", fixed.action
    yield "GET", "pricing", fixed.pricing


_ROUTES: Final = Routes["Callable[[Project, Call], Answer]"]()
for _method, _path, _handler in _routes():
    _ROUTES.add(_method, "/v1/" + _path.replace("N", r"(\d+)"), _handler)


def route(method: str, path: str) -> tuple[Callable[[Project, Call], Answer], tuple[str, ...]]:
    """The handler of a request and the numbers in its path; raises `ApiError` when there is none."""
    try:
        handler, match = _ROUTES.find(method, path)
    except NoRouteError as problem:
        if problem.known:
            raise errors.ApiError(405, "method_not_allowed", f"{method} is not allowed for {path}") from None
        raise errors.ApiError(404, "not_found", f"the emulated API has no {path}") from None
    return handler, match.groups()
