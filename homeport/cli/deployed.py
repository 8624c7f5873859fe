"""Containers that deployments make of templates: no state has them, and they are the stack's all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeport.model import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def is_template(resource: Mapping[str, Any]) -> bool:
    """Whether a resource is a container that is never started: ``apps/deployments`` makes the one that runs of it."""
    return (resource.get("inputs") or {}).get("start") is False


def templates(resources: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Names of a state's templates."""
    return frozenset(str(item["outputs"]["name"]) for item in resources if is_template(item) and item.get("outputs"))


def is_copy(of: str, templates: frozenset[str]) -> bool:
    """Whether a container belongs to one of these templates.

    Args:
        of: Its label ``homeport.copy``: the service's container; empty: it has none.
        templates: Names of templates.
    """
    return names.template(of) in templates
