"""A compose file read as compose reads it: YAML 1.2's words, anchors, `extends`, `include`, `.env` and `env_file`.

Own code, and not `docker compose config`: an import needs no Docker, and each line of the person's own file is to be
answered for, of which that command's output knows nothing (docs/adr/0014-compose-files.md).

Source: https://github.com/compose-spec/compose-spec, read 2026-11-29.
"""

from __future__ import annotations

import base64
import math
import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from homeport.model.errors import ToolError
from homeport.plan.compose.document import Leaf, items, leaves, listed, named_files, pairs, said
from homeport.plan.compose.variables import Text, VariableError, fill

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.plan.compose.document import Node

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
"""How a compose file is called where nobody names it, in compose's own order."""
_EXAMPLES = (".env.example", ".env.sample", "env.example", "example.env", ".env.template", ".env.dist", ".env-example")
_LARGEST = 4 * 1024 * 1024
_DEEPEST = 32
_MOST = 100_000
# What a plain word is in YAML 1.2, as compose's reader has it: `yes` and `12:30` are texts.
_BOOL = {"true": True, "false": False}
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
# Longer than any that is meant: read as compose's reader does it, as a float, or as a text where it is none.
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,63})")
_BASED = re.compile(r"0(?:o?[0-7]{1,64}|x[0-9a-fA-F]{1,64}|b[01]{1,64})")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_APPENDED = frozenset(
    {"ports", "expose", "volumes", "tmpfs", "dns", "dns_search", "cap_add", "cap_drop", "devices", "security_opt",
     "group_add", "secrets", "configs", "env_file", "extra_hosts", "external_links", "links"}
)  # fmt: skip
_NAMED = frozenset({"environment", "labels", "sysctls", "extra_hosts", "depends_on", "annotations"})
_LINE = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][\w.-]*)\s*(?:[=:]\s?(?P<value>.*))?")


@dataclass(frozen=True, kw_only=True)
class Read:
    """A compose file, with all that it reads.

    Attributes:
        tree: Its keys.
        env_files: What each ``env_file`` holds; None: it is not there.
        project: Its name.
        variables: The variables that were filled in.
        beside: Files beside it that `docker compose` would lay over it, and that were not read.
        example: A file with examples of its variables, where the one with their values is missing; empty: none.
    """

    tree: dict[str, Node]
    env_files: dict[str, dict[str, str] | None] = field(repr=False)
    project: str
    variables: dict[str, str] = field(default_factory=dict, repr=False)
    beside: tuple[str, ...] = ()
    example: str = ""


def find(name: str, here: Path) -> Path:
    """The file that a person names; a folder stands for the compose file in it.

    Raises:
        ToolError: There is none.
    """
    path = here / Path(name).expanduser()
    if path.is_dir():
        path = next((path / one for one in NAMES if (path / one).is_file()), path)
    if not path.is_file():
        raise ToolError(f"{name}: there is no compose file\n  fix: bin/homeport import <compose.yaml>")
    return path


def read(path: Path, env_files: tuple[Path, ...] = ()) -> Read:
    """A compose file, and what it reads.

    Args:
        path: The file.
        env_files: Files with variables in the place of ``.env`` beside it.

    Raises:
        ToolError: It cannot be read, or compose would refuse it.
    """
    variables: dict[str, str] = {}
    for file in env_files or (path.parent / ".env",):
        if file.is_file():
            variables |= dotenv(_text(file), variables)
        elif env_files:
            raise ToolError(f"{file.name}: there is no such file\n  fix: bin/homeport import {path.name}")
    examples = (path.parent / name for name in _EXAMPLES)
    missing = not env_files and not (path.parent / ".env").is_file()
    example = next((file.name for file in examples if missing and file.is_file()), "")
    reader = _Reader(path.parent, variables)
    tree = reader.whole(path)
    project = said(tree.get("name")) or path.parent.resolve().name
    beside = tuple(
        name
        for name in ("compose.override.yaml", "compose.override.yml", "docker-compose.override.yaml",
                     "docker-compose.override.yml")
        if path.name in NAMES and (path.parent / name).is_file()
    )  # fmt: skip
    return Read(
        tree=tree,
        env_files=reader.env_files(tree),
        project=project,
        variables=variables,
        beside=beside,
        example=example,
    )


def dotenv(text: str, variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables of a ``.env`` file or an ``env_file``, as compose reads it; a line that is none is passed over.

    Source: https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax
    """
    values: dict[str, str] = {}
    lines = text.splitlines()
    while lines:
        line = lines.pop(0)
        match = _LINE.fullmatch(line)
        if line.lstrip().startswith("#") or not match or match["value"] is None:
            continue
        raw = match["value"].strip()
        quote = raw[:1] if raw[:1] in {"'", '"'} else ""
        if quote:
            # A quoted value may go on over several lines.
            while not re.search(rf"(?<!\\){quote}", raw[1:]) and lines:
                raw += "\n" + lines.pop(0)
            end = re.search(rf"(?<!\\){quote}", raw[1:])
            raw = raw[1 : end.start() + 1] if end else raw[1:]
        else:
            raw = re.split(r"\s#", raw, maxsplit=1)[0].rstrip()
        if quote == '"':
            raw = raw.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")
        if quote != "'":
            # What is no template stays as it is.
            with suppress(VariableError):
                raw = fill(raw, {**(variables or {}), **values}).value
        values[match["name"]] = raw
    return values


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise ToolError(f"{path.name}: larger than {_LARGEST // 2**20} MB\n  fix: name a compose file")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = "is no text" if isinstance(error, UnicodeDecodeError) else (error.strerror or "cannot be read").lower()
        raise ToolError(f"{path.name}: {why}\n  fix: name a compose file that you may read") from None


class _Reader:
    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self._folder, self._variables = folder, variables
        self._documents: dict[Path, dict[str, Node]] = {}
        self._count = 0

    def whole(self, path: Path, around: tuple[Path, ...] = ()) -> dict[str, Node]:
        """A file, its services laid over what they extend, and what it includes."""
        tree = dict(self._document(path, "" if not around else f"{path.name}: "))
        services = items(tree.get("services"))
        tree["services"] = {name: self._extended(name, services, path, ()) for name in services}
        if not services:
            raise ToolError(f"{path.name}: it has no services\n  fix: name a compose file")
        for entry in listed(tree.get("include")):
            names = listed(items(entry).get("path")) if isinstance(entry, dict) else [entry]
            for name in names:
                other = (path.parent / said(name)).resolve()
                circle = other in around or other == path.resolve()
                if circle or not other.is_file():
                    what = "which includes it" if circle else "which is not there"
                    raise ToolError(
                        f"{path.name}: it includes {said(name)}, {what}\n"
                        f"  fix: put the file there, or take the include out"
                    )
                for key, node in self.whole(other, (*around, path.resolve())).items():
                    mine = tree.get(key)
                    if isinstance(node, dict):
                        tree[key] = {**node, **items(mine)}
        return tree

    def env_files(self, tree: Mapping[str, Node]) -> dict[str, dict[str, str] | None]:
        """What the ``env_file`` of all services hold."""
        result: dict[str, dict[str, str] | None] = {}
        for service in items(tree.get("services")).values():
            for name, _ in named_files(items(service).get("env_file")):
                path = (self._folder / name).resolve()
                if name and name not in result:
                    # Somebody else wrote the compose file: what it names elsewhere on this machine is not theirs.
                    known = path.is_file() and path.is_relative_to(self._folder.resolve())
                    result[name] = dotenv(_text(path), self._variables) if known else None
        return result

    def _extended(self, name: str, services: Mapping[str, Node], path: Path, chain: tuple[str, ...]) -> Node:
        node = services.get(name)
        entry = items(node).get("extends")
        if entry is None or not isinstance(node, dict):
            return node if node is not None else Leaf(path=f"services.{name}", value=None)
        base_name = said(items(entry).get("service")) if isinstance(entry, dict) else said(entry)
        file = said(items(entry).get("file")) if isinstance(entry, dict) else ""
        other = (path.parent / file).resolve() if file else path
        step = f"{other}:{base_name}"
        if step in chain or not other.is_file():
            what = "extends itself" if step in chain else f"extends {base_name} of {file}, which is not there"
            raise ToolError(f"{path.name}: service {name} {what}\n  fix: edit {path.name}")
        known = items(self._document(other, f"{file}: " if file else "").get("services")) if file else services
        if base_name not in known:
            raise ToolError(
                f"{path.name}: service {name} extends {base_name}, which is not there\n  fix: edit {path.name}"
            )
        base = items(self._extended(base_name, known, other, (*chain, step)))
        own = {key: value for key, value in node.items() if key != "extends"}
        base = {key: value for key, value in base.items() if key not in {"extends", "depends_on", "links"}}
        return {**items(_overlay(base, own)), "extends": entry}

    def _document(self, path: Path, prefix: str) -> dict[str, Node]:
        path = path.resolve()
        if path in self._documents:
            return self._documents[path]
        try:
            loader = yaml.SafeLoader(_text(path))
            try:
                root = loader.get_single_node()
            finally:
                loader.dispose()
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f"{path.name}:{mark.line + 1}" if mark else path.name
            raise ToolError(f"{where}: this is not valid YAML\n  fix: edit {path.name}") from None
        except RecursionError:
            raise ToolError(f"{path.name}: it is nested too deeply\n  fix: edit {path.name}") from None
        if not isinstance(root, yaml.MappingNode):
            raise ToolError(f"{path.name}: it is no mapping\n  fix: name a compose file")
        tree = self._node(root, prefix, "", 0, path)
        self._documents[path] = items(tree)
        return self._documents[path]

    def _counted(self, path: Path, depth: int = 0) -> None:
        """One more of what anchors can make endless."""
        self._count += 1
        if depth > _DEEPEST or self._count > _MOST:
            raise ToolError(f"{path.name}: its anchors make it too large\n  fix: edit {path.name}")

    def _node(self, node: yaml.Node, prefix: str, where: str, depth: int, path: Path) -> Node:
        self._counted(path, depth)
        if isinstance(node, yaml.ScalarNode):
            return Leaf(path=prefix + where, value=self._scalar(node, where, path))
        if isinstance(node, yaml.SequenceNode):
            below = [
                self._node(item, prefix, f"{where}[{number}]", depth + 1, path)
                for number, item in enumerate(node.value)
            ]
            return below or Leaf(path=prefix + where, value=None)
        if not isinstance(node, yaml.MappingNode):
            raise ToolError(f"{path.name}: {where} is neither mapping, list nor scalar\n  fix: edit {path.name}")
        pairs_here = self._merged(node, path, 0)
        result = {
            key: self._node(value, prefix, f"{where}.{key}" if where else key, depth + 1, path)
            for key, value in pairs_here.items()
        }
        return result or Leaf(path=prefix + where, value=None)

    def _merged(self, node: yaml.MappingNode, path: Path, depth: int) -> dict[str, yaml.Node]:
        """A mapping's keys, with what ``<<`` brings below its own."""
        self._counted(path)
        own: dict[str, yaml.Node] = {}
        brought: list[yaml.MappingNode] = []
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise ToolError(f"{path.name}:{key.start_mark.line + 1}: a key must be a word\n  fix: edit {path.name}")
            if key.value == "<<" and key.style is None:
                brought += value.value if isinstance(value, yaml.SequenceNode) else [value]
                continue
            if key.value in own:
                where = f"{path.name}:{key.start_mark.line + 1}"
                raise ToolError(f"{where}: {key.value} stands there twice\n  fix: edit {path.name}")
            own[key.value] = value
        below: dict[str, yaml.Node] = {}
        for item in reversed(brought):
            if not isinstance(item, yaml.MappingNode) or depth > _DEEPEST:
                what = "<< takes mappings alone" if depth <= _DEEPEST else "<< brings a mapping into itself"
                raise ToolError(f"{path.name}: {what}\n  fix: edit {path.name}")
            below |= self._merged(item, path, depth + 1)
        return {**below, **own}

    def _scalar(self, node: yaml.ScalarNode, where: str, path: Path) -> str | int | float | bool | Text | None:
        text = str(node.value)
        if node.tag == "tag:yaml.org,2002:binary":
            with suppress(ValueError):
                text = base64.b64decode(text).decode()
        elif node.style is None:
            if text in _NULL or node.tag == "!reset":
                return None
            if text.lower() in _BOOL and text in {text.lower(), text.capitalize(), text.upper()}:
                return _BOOL[text.lower()]
            if _INT.fullmatch(text):
                return int(text)
            if _BASED.fullmatch(text):
                return int(text if not text[1:].isdigit() else f"0o{text[1:]}", 0)
            if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
                return int(number) if number.is_integer() and abs(number) < 2**53 else number
        try:
            return fill(text, self._variables)
        except VariableError as error:
            where = where or "its first line"
            raise ToolError(f"{path.name}: {where}: {error}\n  fix: edit {path.name}") from None


def _overlay(base: Node, own: Node, key: str = "") -> Node:
    """What a service says over what it extends, as compose merges files."""
    if key in _NAMED and (isinstance(base, list) or isinstance(own, list)):
        base, own = _by_name(base), _by_name(own)
    if isinstance(base, dict) and isinstance(own, dict):
        return {
            **base,
            **{name: _overlay(base[name], value, name) if name in base else value for name, value in own.items()},
        }
    if isinstance(base, list) and isinstance(own, list) and key in _APPENDED:
        place = _target if key == "volumes" else _whole
        replaced = {place(node) for node in own}
        return [*(node for node in base if place(node) not in replaced), *own]
    return own


def _by_name(node: Node) -> Node:
    if not isinstance(node, list):
        return node
    result: dict[str, Node] = {}
    for pair in pairs(node):
        value: Text | None = pair.value
        result[pair.name] = replace(pair.leaf, value=value)
    return result


def _target(node: Node) -> str:
    if isinstance(node, dict):
        return said(node.get("target"))
    words = said(node).split(":")
    return words[1] if len(words) > 1 else words[0]


def _whole(node: Node) -> str:
    return "\0".join(leaf.text.value for leaf in leaves(node))
