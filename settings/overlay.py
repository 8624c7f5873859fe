"""The settings laid over a preset: the blueprint of one stack."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from model.blueprint import Blueprint, Edge
from model.errors import BlueprintError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from model.preset import Preset
    from model.service import Service
    from settings.schema import ServiceOverride, Settings

LOCAL_DIMENSIONS = 384
"""Length of a vector of the local embedder."""


def blueprint(preset: Preset, settings: Settings) -> Blueprint:
    """The preset in this stack, not yet checked for contradictions.

    Raises:
        BlueprintError: The settings name a service, network or route that the preset does not have.
    """
    problems = (
        *_strangers("services", settings.services, (service.name for service in preset.services)),
        *_strangers("networks", settings.networks, (network.name for network in preset.networks)),
        *_strangers("hostnames", settings.hostnames, (route.name for route in preset.routes)),
    )
    if problems:
        raise BlueprintError(problems)
    whole = Blueprint(
        preset=preset.name,
        environment=settings.environment,
        domain=settings.domain,
        services=tuple(_service(service, settings.services.get(service.name)) for service in preset.services),
        networks=tuple(
            replace(network, subnet=str(settings.networks.get(network.name, network.subnet)))
            for network in preset.networks
        ),
        routes=preset.routes,
        databases=preset.databases,
        shared_volumes=preset.shared_volumes,
        edge=_edge(settings),
        protect_data=settings.protect_data,
        namespace=settings.namespace,
        hostnames=settings.hostnames,
        values=_values(settings),
        skipped=_skipped(settings),
        next_steps=preset.next_steps,
    )
    return whole.without(frozenset(name for name, one in settings.services.items() if one.enabled is False))


def _edge(settings: Settings) -> Edge:
    return Edge(
        bind=str(settings.edge.bind),
        ports={"http": settings.edge.http_port, "https": settings.edge.https_port},
        public=settings.exposure == "direct",
        acme_email=settings.acme_email,
    )


def _values(settings: Settings) -> dict[str, str]:
    embedding = settings.embedding
    return {
        # n8n refuses an address without a dot, so not owner@localhost.
        "owner-email": settings.acme_email or f"owner@{settings.domain if '.' in settings.domain else 'example.com'}",
        "embedding-url": embedding.url if embedding else "",
        "embedding-model": embedding.model if embedding else "",
        "embedding-dimensions": str(embedding.dimensions if embedding else LOCAL_DIMENSIONS),
    }


def _strangers(section: str, given: Iterable[str], known: Iterable[str]) -> list[Problem]:
    names = sorted(known)
    return [
        Problem(
            f"homeport:settings.{section}.{name}",
            f"the preset has no {name}; it has {', '.join(names)}",
            f"Run: pulumi config rm --path homeport:settings.{section}.{name}",
        )
        for name in sorted(set(given) - set(names))
    ]


def _service(service: Service, override: ServiceOverride | None) -> Service:
    if override is None:
        return service
    limits = replace(
        service.limits,
        memory=override.memory or service.limits.memory,
        cpus=f"{override.cpus:.2f}" if override.cpus else service.limits.cpus,
    )
    return replace(service, limits=limits, image=override.image or service.image)


def _skipped(settings: Settings) -> tuple[str, ...]:
    """What this stack does without, in words: nothing is left out silently."""
    skipped: list[str] = []
    modes = {host.mode for host in settings.hosts.values()}
    if modes == {"local"}:
        skipped.append("server, SSH, firewall, WireGuard: the host is this machine")
    else:
        skipped.append(
            "server, SSH hardening, firewall, WireGuard: not part of this version; the host must have Docker"
        )
    if settings.exposure != "direct":
        skipped.append("DNS, Cloudflare tunnel, Access: nothing is opened beyond " + str(settings.edge.bind))
    else:
        skipped.append("DNS records: not part of this version; point the host names at the server yourself")
    if settings.embedding is None:
        skipped.append("embedding provider: the local deterministic embedder is used; set homeport:settings.embedding")
    return tuple(skipped)
