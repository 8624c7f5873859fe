"""What makes a program of a host: its files with their texts in them, and the shell around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeport.model import template
from homeport.model.host import HostFile
from homeport.render import host_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from homeport.model.host_program import HostFolder, HostProgram, HostUser, ProgramFile


def files(program: HostProgram, texts: Mapping[str, str], root: Path) -> tuple[HostFile, ...]:
    """A program's files; what they name is filled in where they are laid.

    Args:
        program: The program.
        texts: Options and texts of the blueprint, which paths and owners may name.
        root: The project's folder.
    """
    return tuple(
        HostFile(path=path, content=content, mode=file.mode, owner=_name(file.owner, texts), template=file.syntax)
        for file in program.files
        for path, content in _contents(file, texts, root)
    )


def _contents(file: ProgramFile, texts: Mapping[str, str], root: Path) -> list[tuple[str, str]]:
    target = _name(file.target, texts)
    if not file.source:
        return [(target, file.text)]
    if "*" not in file.source:
        return [(target, (root / file.source).read_text(encoding="utf-8"))]
    return [
        (f"{target}/{path.name}", path.read_text(encoding="utf-8"))
        for path in sorted(root.glob(file.source))
        if path.is_file()
    ]


def _name(text: str, texts: Mapping[str, str]) -> str:
    return template.fill(text, texts, template.NAME)


def _shell(text: str, texts: Mapping[str, str]) -> str:
    return template.fill(text, texts, template.SHELL)


def apply(program: HostProgram, texts: Mapping[str, str]) -> str:
    """Shell: sets the program up, starts its units and waits until it is healthy."""
    return host_text.script(
        "program/apply.sh",
        name=program.name,
        units=" ".join(program.units),
        setup=_shell(program.setup, texts),
        health=program.health,
        gate=str(program.gate),
    )


def remove(program: HostProgram, texts: Mapping[str, str]) -> str:
    """Shell, when the files are gone: stops the units and takes away what the set-up has made."""
    return host_text.script(
        "program/remove.sh", units=" ".join(program.units), teardown=_shell(program.teardown, texts)
    )


def also(program: HostProgram, texts: Mapping[str, str]) -> tuple[str, ...]:
    """The files that its set-up makes beside its own."""
    return tuple(_name(path, texts) for path in program.also)


def ground(programs: Sequence[HostProgram], texts: Mapping[str, str], unit: str) -> str:
    """Shell: the users and folders of all programs of a host, each once."""
    return _ground(programs, texts, unit, keep=False) + "apply\n"


def ground_removed(programs: Sequence[HostProgram], texts: Mapping[str, str], unit: str, *, keep: bool) -> str:
    """Shell: takes away the users and folders that it has made.

    Args:
        programs: All programs of the host.
        texts: What they name.
        unit: The unit's name, in whose folder the record is.
        keep: Whether data stays, and with it who owns it.
    """
    return _ground(programs, texts, unit, keep=keep) + "remove\n"


def _ground(programs: Sequence[HostProgram], texts: Mapping[str, str], unit: str, *, keep: bool) -> str:
    users = tuple(dict.fromkeys(_user(user, texts) for program in programs for user in program.users))
    groups = [
        f"{_name(user.name, texts)} {group}\n"
        for program in programs
        for user in program.users
        for group in sorted(user.groups)
    ]
    folders = dict.fromkeys(_folder(folder, texts) for program in programs for folder in program.folders)
    return host_text.script(
        "program/ground.sh",
        users="".join(users),
        groups="".join(dict.fromkeys(groups)),
        folders="".join(folders),
        record=f"/var/lib/homeport/units/{unit}/made",
        keep="yes" if keep else "no",
    )


def _user(user: HostUser, texts: Mapping[str, str]) -> str:
    return f"{_name(user.name, texts)} {_name(user.home, texts)}\n"


def _folder(folder: HostFolder, texts: Mapping[str, str]) -> str:
    kind = "data" if folder.data else "folder"
    return f"{folder.mode:o} {_name(folder.owner, texts)} {kind} {_name(folder.path, texts)}\n"
