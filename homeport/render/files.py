"""What a service reads: its files as they are, those rendered from the blueprint, and its secret files as templates."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from homeport.model import template
from homeport.model.service import SecretFile
from homeport.render import headscale
from homeport.render.bundle import Entry, bundle, fingerprint
from homeport.render.caddy import ROOT, caddyfile, first, keys, snippets
from homeport.render.hashed import hashed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from homeport.model.blueprint import Blueprint
    from homeport.model.service import Limits, Service, StaticFile


_LEFTOVERS = {".git", "__pycache__"}
"""What stands in a folder beside its files, and is another one each time."""
_WHOLE = 16 * 1024
"""Kilobytes from which on a size is written in whole megabytes."""


@dataclass(frozen=True, kw_only=True)
class ServiceFiles:
    """All files of a service, below its ``files_at``.

    Attributes:
        plain: Path to mode and content.
        secret: Files with secrets in them.
        owner: uid and gid of all of them, and of their folders.
    """

    plain: Mapping[str, tuple[int, bytes]]
    secret: tuple[SecretFile, ...]
    owner: int

    @property
    def secrets(self) -> tuple[str, ...]:
        """The names of the secrets that stand in them, sorted."""
        return tuple(sorted({name for file in self.secret for name in file.secrets}))

    def entries(self, values: Mapping[str, str], key: str) -> tuple[Entry, ...]:
        """The files as the container has them, the folder itself first.

        Args:
            values: Secret's name to its value.
            key: Keys the salt of a password's hash.

        Raises:
            KeyError: A secret has no value.
        """
        contents = [(path, mode, content) for path, (mode, content) in sorted(self.plain.items())]
        contents += [
            (file.target, file.mode, template.fill(file.template, values, file.syntax, hashed(key)).encode())
            for file in self.secret
        ]
        return (
            Entry(path=".", mode=0o550, uid=self.owner, gid=self.owner),
            *(
                Entry(path=path, mode=mode, uid=self.owner, gid=self.owner, content=content)
                for path, mode, content in contents
            ),
        )


_CONFIGURATION = "Caddyfile"
PENDING = ".next"
"""End of the name of the file that becomes the proxy's configuration by a rename, at once and as a whole."""


@dataclass(frozen=True, kw_only=True)
class Routes:
    """What the edge proxy is given: a folder of files, and one more file that leads to it.

    Attributes:
        mark: The folder's name, made of its content.
        bundle: Both.
        masks: What may not be shown of an answer: the secrets, and the words that they have become.
    """

    mark: str
    bundle: str
    masks: tuple[str, ...]


def routes(files: ServiceFiles, values: Mapping[str, str], key: str) -> Routes:
    """The files of the edge proxy, to be laid beside those that it runs with.

    Args:
        files: Its files.
        values: Secret's name to its value.
        key: Keys the folder's name, and the salt of a password's hash.

    Raises:
        KeyError: A secret has no value.
    """
    entries = files.entries(values, key)
    mark = fingerprint(bundle(entries), key)
    inside = tuple(replace(entry, path=mark if entry.path == "." else f"{mark}/{entry.path}") for entry in entries)
    leads = [_entry(files.owner, _CONFIGURATION + PENDING, f"import {mark}/{_CONFIGURATION}\n")]
    # Named by its whole path, which the mark in it would make part of itself: so it lies outside as well.
    leads += [_entry(files.owner, ROOT, files.plain[ROOT][1].decode())] if ROOT in files.plain else []
    secret = {file.target for file in files.secret}
    texts = "".join(entry.content.decode() for entry in entries if entry.content and entry.path in secret)
    words = {*(values[name] for name in files.secrets), *re.findall(r'"([^"\n]+)"', texts)}
    return Routes(mark=mark, bundle=bundle((_open(files.owner), *leads, *inside)), masks=tuple(sorted(words)))


def first_routes(proxy: Service) -> str:
    """The bundle that the edge proxy starts with the first time; nobody has given it routes then."""
    text = first(host_network=proxy.host_network)
    return bundle((_open(proxy.uid), _entry(proxy.uid, _CONFIGURATION, text)))


def _open(owner: int) -> Entry:
    """The volume's root, in which files are renamed by their owner; the proxy itself has it read-only."""
    return Entry(path=".", mode=0o750, uid=owner, gid=owner)


def _entry(owner: int, path: str, text: str) -> Entry:
    return Entry(path=path, mode=0o444, uid=owner, gid=owner, content=text.encode())


def service_files(blueprint: Blueprint, service: Service, root: Path) -> ServiceFiles:
    """The files of a service; static ones are read below ``root``, the project's folder."""
    plain = {
        target: content
        for file in service.files
        for target, content in (_for_each(blueprint, root, file) if file.each else _read(root, file, service.limits))
    }
    secret = service.secret_files
    if service.edge:
        blueprint = blueprint.seen_by(service)
        plain[_CONFIGURATION] = (0o444, caddyfile(blueprint).encode())
        if blueprint.edge.authority and blueprint.edge.authority.root:
            plain[ROOT] = (0o444, blueprint.edge.authority.root.encode())
        guards = sorted((snippets(blueprint.routes) | keys(blueprint.edge.authority)).items())
        secret += tuple(SecretFile(target=target, template=text, syntax=template.PROXY) for target, text in guards)
    if blueprint.mesh and blueprint.mesh.control == service.name:
        plain["config.json"] = (0o444, headscale.config(blueprint.mesh).encode())
        plain["policy.json"] = (0o444, headscale.policy(blueprint.mesh).encode())
    return ServiceFiles(plain=plain, secret=secret, owner=service.uid)


def _for_each(blueprint: Blueprint, root: Path, file: StaticFile) -> Iterator[tuple[str, tuple[int, bytes]]]:
    text = (root / file.source).read_text(encoding="utf-8")
    for each in blueprint.services:
        if file.each and not each.schedule:
            names = {"service": each.name, "mark": hashlib.sha256(each.name.encode()).hexdigest()[:12]}
            target = template.fill(file.target, names, template.PATH)
            yield target, (file.mode, template.fill(text, names, file.each).encode())


def _read(root: Path, file: StaticFile, limits: Limits) -> list[tuple[str, tuple[int, bytes]]]:
    if "*" not in file.source:
        content = (root / file.source).read_bytes()
        return [(file.target, (file.mode, sized(content, file, limits) if file.sizes else content))]
    return [
        (str(PurePosixPath(file.target, below)), (file.mode, path.read_bytes())) for below, path in matched(root, file)
    ]


def matched(root: Path, file: StaticFile) -> list[tuple[str, Path]]:
    """What a source with ``*`` stands for: each file, and its path below the folder before the first ``*``."""
    folder = root / file.source.partition("*")[0].rpartition("/")[0]
    files = ((path.relative_to(folder), path) for path in sorted(root.glob(file.source)) if path.is_file())
    return [(below.as_posix(), path) for below, path in files if not _LEFTOVERS.intersection(below.parts)]


def sized(content: bytes, file: StaticFile, limits: Limits) -> bytes:
    """A file with its sizes for the memory that there is; as it is where nobody chose another than the catalog's.

    Raises:
        ValueError: The file does not have each of the settings once.
    """
    text = content.decode()
    for name in file.sizes:
        text, found = re.subn(
            rf"^({re.escape(name)}(?: *= *| +))(\d+)([kKmMgG])([bB])",
            lambda match: _share(match, limits),
            text,
            flags=re.MULTILINE,
        )
        if found != 1:
            raise ValueError(f"{file.source} has {found} lines that begin with {name}")
    return text.encode()


def _share(match: re.Match[str], limits: Limits) -> str:
    """The size in the file's own unit, or in kilobytes where that would be none of them."""
    unit, size = match[3], int(match[2])
    if limits.sized_for not in {0, limits.memory}:
        size, unit = limits.share(size * 1024 ** "kmg".index(unit.lower())), "k"
        if size % 1024 == 0 or size >= _WHOLE:
            size, unit = size // 1024, "m" if match[3].islower() else "M"
    return f"{match[1]}{size}{unit}{match[4]}"
