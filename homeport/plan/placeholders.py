"""Names, addresses, ids and keys of documentation, in a stack that others are to reach; the settings may be wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeport.model.errors import Problem
from homeport.model.placeholders import stands_in
from homeport.settings.friendly import asked_for, is_plain, path_of, set_command
from homeport.settings.section import section

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homeport.settings.friendly import Loc

_WAIVER = "placeholders"


def placeholders(settings: Mapping[str, Any]) -> Iterator[Problem]:
    """A problem for each, with the command that asks for one's own; `settings` are plain, defaults filled in.

    A rehearsal, on emulated clouds, has no others to be reached by; nor has a stack for this machine alone.
    """
    here = [host.get("mode") == "local" for host in section(settings, "hosts").values() if isinstance(host, dict)]
    alone = settings.get("exposure") == "local" and bool(here) and all(here)
    nobody_else = settings.get("environment") == "dev" or alone
    if nobody_else or _WAIVER in section(settings, "waivers"):
        return
    for loc, text in _texts({key: value for key, value in settings.items() if key != "waivers"}, ()):
        if why := stands_in(text):
            what = f"{why}: replace it by your own, or give waivers.{_WAIVER} a reason and a day"
            yield Problem(path_of(loc), what, set_command(path_of(loc), f"<your own: {asked_for(loc, settings)}>"))


def _texts(data: Any, loc: Loc) -> Iterator[tuple[Loc, str]]:
    """Every text in the settings that a command can name, with its place."""
    if isinstance(data, str):
        yield loc, data
    elif isinstance(data, dict):
        for key, value in data.items():
            if isinstance(key, str) and is_plain(key):
                yield from _texts(value, (*loc, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _texts(value, (*loc, index))
