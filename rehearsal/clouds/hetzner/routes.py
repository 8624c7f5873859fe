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
_ROW: Final[tuple[tuple[str, str], ...]] = (("GET", "one"), ("PUT", "update"), ("DELETE", "delete"))


def _routes() -> Iterator[tuple[str, str, Callable[[Project, Call], Answer]]]:
    tables: dict[str, ModuleType] = {name: module for name, (module, _) in _ACTIONS.items()}
    for name, module in {**tables, "servers": servers, "ssh_keys": ssh_keys}.items():
        yield "POST", name, module.create
        yield "GET", name, module.listed
        for method, function in _ROW:
            yield method, f"{name}/N", getattr(module, function)
    yield "POST", "placement_groups", volumes.create_group
    yield "GET", "placement_groups", volumes.listed_groups
    for method, function in _ROW:
        yield method, "placement_groups/N", getattr(volumes, f"{function}_group")
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
    for name in ("locations", "datacenters", "server_types", "images"):
        yield "GET", name, fixed.listed(name)
        yield "GET", f"{name}/N", fixed.one(name)
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
