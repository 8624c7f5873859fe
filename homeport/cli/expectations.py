"""A blueprint in the words of the claims' expected values (`rehearsal/claims/expected`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeport.model import names, template
from homeport.model.container import container_spec
from homeport.model.firewall import CONTAINERS, MESH, VPN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homeport.model.blueprint import Blueprint
    from homeport.model.container import ContainerSpec
    from homeport.model.network import Network
    from homeport.model.route import Route
    from homeport.model.service import Service
    from homeport.plan.hosts import HostPlan
    from homeport.plan.resolve import Plan

_SOCKET = "/var/run/docker.sock"
_PROTOCOLS = ("tcp", "udp")
_DEVICE = "a device"
"""What asks by the mesh where a host is alone in it, under the host's own tags (`rehearsal/probes/device.py`)."""


def described(plan: Plan) -> dict[str, Any]:
    """What the claims expect of a plan; what no blueprint says is left to their own file.

    Of several hosts what is expected of each stands below its name.
    """
    if len(plan.hosts) == 1:
        return _host(plan, plan.blueprint.main_host)
    return {"hosts": {name: _host(plan, name) for name in plan.hosts}}


def _host(plan: Plan, name: str) -> dict[str, Any]:
    blueprint = plan.blueprint
    host = plan.hosts[name]
    routes = [route for route in blueprint.routes if len(plan.hosts) == 1 or _home(blueprint, route) == name]
    public = [opening.port for opening in host.openings if opening.protocol == "tcp" and not opening.owners]
    return {
        "exposure": blueprint.exposure,
        "rented": host.machine.mode == "create",
        "tcp": sorted(public),
        "udp": sorted(opening.port for opening in host.openings if opening.protocol == "udp" and not opening.owners),
        "networks": {
            names.physical(blueprint.namespace, network.name): _lets_out(network) for network in host.networks
        },
        "routes": {route.name: _route(blueprint, route) for route in routes},
        "services": {service.name: _service(blueprint, service) for service in host.services},
        "ssh_forward": host.forward,
        "bridged": {
            str(rule.opening.port): sorted(rule.opening.sources) for rule in host.rules if rule.via == CONTAINERS
        },
        **_owners(host),
        **_vpn(host, public),
        **_mesh(blueprint, host),
        **_calls(plan, host),
    }


def _owners(host: HostPlan) -> dict[str, Any]:
    """What the firewalls let in though nothing of the stack listens there."""
    kinds = {
        protocol: [o.port for o in host.openings if o.owners and o.protocol == protocol] for protocol in _PROTOCOLS
    }
    return {f"owners_{protocol}": sorted(ports) for protocol, ports in kinds.items() if ports}


def _home(blueprint: Blueprint, route: Route) -> str:
    proxy = blueprint.proxy_of(route)
    return blueprint.homes[proxy.name] if proxy else ""


def _mesh(blueprint: Blueprint, host: HostPlan) -> dict[str, Any]:
    """Which ports of the host a member reaches, as far as the mesh's rules let it; by rule, who is let in."""
    if blueprint.mesh is None:
        return {}
    tags = {member.name: {f"tag:{tag}" for tag in member.tags} for member in blueprint.mesh.members}
    own = tags.pop(host.name, set())
    others = tags or {_DEVICE: own}
    openings = (rule.opening for rule in host.rules if rule.via in ("", MESH))
    open_here = sorted({opening.port for opening in openings if opening.protocol == "tcp" and not opening.owners})
    public = {opening.port for opening in host.openings}
    return {
        "members_tcp": sorted({rule.opening.port for rule in host.rules if rule.via == MESH} - public),
        "mesh_tcp": {
            other: [
                port
                for port in open_here
                if any(
                    {*rule.sources} & others[other]
                    and {*rule.targets} & own
                    and rule.protocol in ("", "tcp")
                    and _among(port, rule.ports)
                    for rule in blueprint.mesh.rules
                )
            ]
            for other in sorted(others)
        },
    }


def _calls(plan: Plan, host: HostPlan) -> dict[str, Any]:
    """Which ports of other hosts containers reach, as far as both the firewall here and the mesh's rules let them."""
    blueprint = plan.blueprint
    if blueprint.mesh is None:
        return {}
    there = {
        other: {*_mesh(blueprint, plan.hosts[other])["mesh_tcp"].get(host.name, ())}
        for other in sorted(plan.hosts)
        if other != host.name
    }
    answering_by_network: dict[str, dict[str, list[int]]] = {}
    for network in host.networks:
        asked = {port for subnet, port in host.ways.mesh_calls if subnet == network.subnet}
        answering = {other: sorted(asked & ports) for other, ports in there.items() if asked & ports}
        if answering:
            answering_by_network[names.physical(blueprint.namespace, network.name)] = answering
    return {"calls": answering_by_network}


def _among(port: int, ports: str) -> bool:
    """Whether a port is one of those that a rule of the mesh names."""
    if ports == "*":
        return True
    spans = (part.partition("-") for part in ports.split(","))
    return any(int(first) <= port <= int(last or first) for first, _, last in spans)


def _vpn(host: HostPlan, public: list[int]) -> dict[str, Any]:
    vpn = host.vpn
    if vpn is None:
        return {}
    members = [rule.opening.port for rule in host.rules if rule.via == VPN and not rule.published]
    # Of a device with a key of its own nobody here has the private one.
    peer = next((peer for peer in vpn.peers if peer.public_key is None), None)
    return {
        "vpn_address": vpn.address,
        "vpn_tcp": sorted({*public, *members}),
        "vpn_peer": peer.name if peer else "",
        "vpn_peer_address": vpn.at(peer.slot) if peer else "",
    }


def _lets_out(network: Network) -> str:
    if network.internal:
        return "internal"
    return "open" if network.way_out else "closed"


def _route(blueprint: Blueprint, route: Route) -> dict[str, Any]:
    doors = [
        {
            "kind": "itself" if guard.kind == "open" and guard.itself else guard.kind,
            "paths": list(guard.paths),
            "header": guard.header,
            "user": guard.user,
            "secret": guard.secret,
        }
        for guard in route.guards
    ]
    return {
        "service": route.service,
        "guest": route.guest,
        # A device of the VPN is its owner's, and no rehearsal has it.
        "peer": next(
            (name.partition(":")[2] for name in template.names(route.upstream) if name.startswith("peer:")), ""
        ),
        "host": blueprint.host(route),
        "probe": route.probe,
        "doors": doors,
    }


def _service(blueprint: Blueprint, service: Service) -> dict[str, Any]:
    spec = container_spec(blueprint, service)
    return {
        "user": spec.user,
        "memory": spec.memory,
        "cpus": float(spec.cpus),
        "root_because": service.waivers.get("root", ""),
        "capabilities": sorted(name.removeprefix("CAP_") for name in spec.capabilities_added),
        "read_only": spec.read_only,
        "volumes": list(spec.written_volumes),
        "docker_socket": any(mount.source == _SOCKET for mount in spec.mounts),
        "health": "healthy" if spec.probe else "running",
        # Of the proxy those too that it is connected to once it runs.
        "networks": list(spec.seen_networks),
        **dict(_published(blueprint, spec)),
        **({"listens": _listens(blueprint, service)} if spec.host_network else {}),
    }


def _listens(blueprint: Blueprint, service: Service) -> list[str]:
    return sorted(f"{port.address}:{port.outside}" for port in blueprint.published(service))


def _published(blueprint: Blueprint, spec: ContainerSpec) -> Iterator[tuple[str, Any]]:
    private = [port for port in spec.ports if blueprint.vpn and port.address == blueprint.vpn.address]
    for port in private:
        yield "port", port.outside
        yield "inside", port.inside if port.inside != port.outside else 0
    if others := [port for port in spec.ports if port not in private]:
        yield "published", sorted(port.binding for port in others)
