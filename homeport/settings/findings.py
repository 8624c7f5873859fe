"""How checks read data that may be wrong, and say what they find: where, what, and the command that mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeport.model.errors import Problem
from homeport.settings.friendly import ROOT, is_plain, path_of, remove_command, set_command

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from homeport.settings.friendly import Loc


def called(*loc: str) -> str:
    """A path as messages name it beside another, odd keys escaped."""
    return path_of(loc).removeprefix(f"{ROOT}.")


def listed(names: Iterable[str]) -> str:
    """Names that a user wrote, those that can be shown, in order."""
    return ", ".join(sorted(name for name in names if is_plain(name))) or "none"


def at(loc: Loc, what: str, value: Any) -> tuple[Loc, Problem]:
    """A problem that another value mends."""
    return loc, Problem(path_of(loc), what, set_command(path_of(loc), value))


def drop(loc: Loc, what: str) -> tuple[Loc, Problem]:
    """A problem that is gone with the setting."""
    return loc, Problem(path_of(loc), what, remove_command(loc))


def twins(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each name whose value another has too, with that one; of those that share it the last stays as it is."""
    owners = {value: name for name, value in values.items()}
    for name, value in values.items():
        if owners[value] != name:
            yield name, owners[value]
