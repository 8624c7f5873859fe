"""A stack's file, read before Pulumi runs, and what the program will make of it: which hosts, which images."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from homeport.cli import strict_yaml
from homeport.model.docker_here import here
from homeport.model.errors import ProblemsError, SettingsError, ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.model.errors import Problem
    from homeport.plan.resolve import Plan

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "homeport"
_TAG = 16
_ENDPOINTS = ("hcloud:endpoint", "cloudflare:baseUrl")


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack as its file describes it.

    Attributes:
        name: The stack's name.
        preset: Which system it is; empty when the file does not say.
        settings: The mapping below ``homeport:settings``, unchecked.
        endpoints: Configuration keys of the clouds' API addresses, where the file names other ones: a rehearsal's.
        config: All that the file has below ``config``, secrets encrypted; None where it may not be all of it.
    """

    name: str
    preset: str
    settings: dict[str, Any]
    endpoints: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] | None = field(default=None, repr=False)

    @cached_property
    def plan(self) -> Plan:
        """What the program will make of it, as far as the file says it without its secrets.

        Raises:
            SettingsError, BlueprintError: It is wrong; all of it is named, as the program would.
        """
        from homeport.plan import image_lock  # noqa: PLC0415  # a fifth of a second that not every verb needs
        from homeport.plan.resolve import resolve  # noqa: PLC0415
        from homeport.settings.load import Configuration  # noqa: PLC0415

        values = {f"{PROJECT}:preset": self.preset, f"{PROJECT}:settings": json.dumps(self.settings, default=str)}
        values |= self.endpoints
        try:
            return resolve(Configuration(self.name, values), sealed=True, pins=image_lock.read(_files(), self.name))
        except ProblemsError as error:
            raise error.of(self.name) from None

    @cached_property
    def wrong(self) -> tuple[Problem, ...]:
        """All that the program would refuse, as far as the file says it without its secrets' values.

        Which secrets there are it says too, so that a missing one is named before Pulumi runs.
        """
        from homeport.plan.resolve import resolve  # noqa: PLC0415
        from homeport.settings.load import Configuration  # noqa: PLC0415

        config = {str(key): value for key, value in (self.config or {}).items()}
        unread = frozenset(key for key, value in config.items() if isinstance(value, dict) and set(value) == {"secure"})
        values = {
            key: value if isinstance(value, str) else json.dumps(value, default=str)
            for key, value in config.items()
            if key not in unread and (key.startswith(f"{PROJECT}:") or key in _ENDPOINTS)
        }
        encrypted = frozenset(key for key, value in config.items() if '"secure":' in json.dumps(value, default=str))
        try:
            if self.config is None:
                self.plan  # noqa: B018  # it refuses what the file has
            else:
                lengths = {key: length for key in unread if (length := _length(config[key]["secure"])) is not None}
                resolve(Configuration(self.name, values, encrypted, unread, lengths))
        except ProblemsError as error:
            return error.of(self.name).problems
        return ()

    def refuse_wrong(self) -> None:
        """Nothing, where nothing is wrong.

        Raises:
            SettingsError: Something is; all of it is named.
        """
        if self.wrong:
            raise SettingsError(self.wrong)

    @property
    def environment(self) -> str:
        """dev, preprod or prod."""
        return self.plan.blueprint.environment

    @cached_property
    def docker(self) -> Mapping[str, str]:
        """The environment of a Docker command that means this machine's daemon, as the program itself names it.

        Empty for the usual place, and for other machines.

        Raises:
            ToolError: The docker context that is in use cannot be used.
        """
        return here() if self.local else {}

    @property
    def local(self) -> bool:
        """Whether all of its hosts are this machine."""
        return self.plan.local

    def images(self) -> list[str]:
        """The references of all images that it needs, each once, in order."""
        return list(self.plan.images)

    def contracts(self) -> list[str]:
        """What stands in for each image of its own apps where no registry can be asked, as JSON."""
        from homeport.cli.stand_ins import contracts  # noqa: PLC0415

        return [json.dumps(contract) for contract in contracts(self.plan.settings.apps)]


def _length(text: object) -> int | None:
    """How many bytes an encrypted value has; None where its form does not show it.

    AES-GCM adds a tag and no padding. Source: pulumi v3.255, sdk/go/common/resource/config/crypt.go (`v1:`, the nonce,
    the rest, both in Base64).
    """
    match = re.fullmatch(r"v1:[A-Za-z0-9+/]{16}:([A-Za-z0-9+/]+={0,2})", str(text))
    try:
        return len(base64.b64decode(match[1], validate=True)) - _TAG if match else None
    except binascii.Error:
        return None


def _files() -> Path:
    """The folder of the stacks' files: the checkout, or another one that the project's own tests name."""
    return Path(os.environ.get("HOMEPORT_STACK_FILES") or ROOT)


def path_of(name: str) -> Path:
    """The file of a stack, whether it is there or not."""
    return _files() / f"Pulumi.{name}.yaml"


def read(name: str, root: Path | None = None) -> Stack:
    """The stack of that name, from the checkout's files.

    `HOMEPORT_STACK_FILES` names another folder: the project's own tests look at the files as they are shipped, not at
    those that a user has changed.

    Raises:
        ToolError: Its file is missing or is no YAML mapping.
    """
    root = root or _files()
    path = root / f"Pulumi.{name}.yaml"
    if not path.is_file():
        there = ", ".join(sorted(file.name.split(".")[1] for file in root.glob("Pulumi.*.yaml"))) or "none"
        fix = f"name one with --stack (make: STACK=), or copy Pulumi.dev.yaml to {path.name}"
        raise ToolError(f"{path.name}: there is no such stack; there are: {there}\n  fix: {fix}")
    try:
        content = strict_yaml.parsed(path.read_text(encoding="utf-8")) or {}
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ToolError(f"{path.name}:{line}: this is not UTF-8\n  fix: save {path.name} as UTF-8") from None
    except yaml.YAMLError as error:
        # Only the place: the text beside it may be a secret.
        mark = getattr(error, "problem_mark", None)
        where = f"{path.name}:{mark.line + 1}" if mark else path.name
        what = error.problem if isinstance(error, strict_yaml.Unusable) else "this is not valid YAML"
        raise ToolError(f"{where}: {what}\n  fix: edit {path.name}") from None
    config = content.get("config") if isinstance(content, dict) else None
    config = config if isinstance(config, dict) else {}
    # An environment of Pulumi's own (ESC) brings further keys, which no file here has.
    whole = not (isinstance(content, dict) and content.get("environment"))
    settings = config.get(f"{PROJECT}:settings")
    return Stack(
        name=name,
        preset=str(config.get(f"{PROJECT}:preset") or ""),
        settings=settings if isinstance(settings, dict) else {},
        endpoints={key: config[key] for key in _ENDPOINTS if isinstance(config.get(key), str)},
        config=config if whole else None,
    )
