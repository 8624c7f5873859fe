"""What a stub must hold of an app's image, where no registry can be asked: all that the app's own block says of it.

The contract is the toolchain's (toolchain/images/recipes/stub/recipe.py, ``Stub``): a port, the paths of a health
check, the programs that are started or asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeport.model.image import parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.settings.apps import App

_THERE = frozenset({"sh", "bash", "busybox", "cat", "echo", "grep", "sed", "sleep", "test", "true", "wget", "["})
"""Programs that every stub has."""


def contracts(apps: Mapping[str, App]) -> list[dict[str, Any]]:
    """One for each image: of several apps of one image what all of them want."""
    found: dict[str, dict[str, Any]] = {}
    for app in apps.values():
        repository, tag, _ = parts(app.image)
        image = f"{repository}:{tag}"
        mine = found.setdefault(
            image,
            {"image": image, "repository": repository, "software": repository, "port": 0, "paths": ["/"]}
            | {"ports": [], "probes": [], "programs": [], "jobs": []},
        )
        if app.port and not mine["port"]:
            mine["port"] = app.port
        elif app.port and app.port != mine["port"]:
            mine["ports"].append(app.port)
        health = app.health
        mine["paths"] += [health.http.partition("?")[0]] if health and health.http else []
        mine["probes"] += _program(health.command) if health else []
        # Without an entry point of its own the stub's takes all words, whatever they are.
        mine["jobs" if app.schedule else "programs"] += _program(
            app.entrypoint or (app.command if app.schedule else ())
        )
    return [{key: _once(value) for key, value in contract.items()} for contract in found.values()]


def _program(words: tuple[str, ...]) -> list[str]:
    """Where the program of a command is."""
    if not words or words[0] in _THERE or words[0].removeprefix("/bin/") in _THERE:
        return []
    return [words[0] if words[0].startswith("/") else f"/usr/local/bin/{words[0]}"]


def _once(value: Any) -> Any:
    return list(dict.fromkeys(value)) if isinstance(value, list) else value
