"""Runs Pulumi in the environment that `toolchain.engine` prepares: its own CLI, or the same engine built here."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeport.cli.stack import PROJECT, ROOT
from homeport.model import names
from homeport.model.errors import ToolError

_REACH = "homeport:host:Reach"
_DOCKER = "pulumi:providers:docker"
_UNLOCK = "make repair STACK={stack}, once no pulumi command runs on it any more"
_MENDS = (
    # What Pulumi says (pkg/backend, pkg/secrets/passphrase, v3.255) or Pulumi Cloud, and what helps.
    ("currently locked", f"{_UNLOCK}; the lock above says whose it is"),
    ("another update is currently in progress", _UNLOCK),
    (
        "incorrect passphrase",
        "give PULUMI_CONFIG_PASSPHRASE the one that this stack was made with, or put it back beside the state",
    ),
    (
        "passphrase must be set",
        "PULUMI_CONFIG_PASSPHRASE=… or PULUMI_CONFIG_PASSPHRASE_FILE=…, as with this stack's first update",
    ),
    ("no stack named", "make up STACK={stack}, which makes it"),
    ("failed to load checkpoint", "put the state back from your backup: pulumi stack import --stack {stack} --file …"),
    ("pulumi login", "pulumi login, to the place that PULUMI_BACKEND_URL names"),
    ("permission denied", "let this user write there, or set HOMEPORT_CACHE to a folder of its own"),
)
"""By words of what Pulumi says, in any case."""

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from homeport.cli.stack import Stack


def module(name: str, *argv: str, quiet: bool = False) -> subprocess.CompletedProcess[str]:
    """Runs one of the rehearsal's commands in its own process: it and ctl know nothing of each other but this.

    Raises:
        ToolError: It failed; what it said has been shown already, or is the error's text.
    """
    done = subprocess.run(
        [sys.executable, "-m", name, *argv], cwd=ROOT, text=True, check=False, stdout=subprocess.PIPE if quiet else None
    )
    if done.returncode:
        raise ToolError(
            f"python -m {' '.join([name, *argv[:1]])}: ended with code {done.returncode}, for the reason above"
        )
    return done


def ensure(images: Sequence[str]) -> None:
    """Has the engine and the images, both at once: one waits for the processor while the other waits for the network.

    Raises:
        ToolError: One of them cannot be had; the other was still tried.
    """
    wanted = [("toolchain.engine", "ensure"), *([("toolchain.images", "ensure", *images)] if images else [])]
    with ThreadPoolExecutor() as pool:
        ends = [pool.submit(module, *argv) for argv in wanted]
    for end in ends:
        end.result()


def mend(said: str, stack: str) -> str:
    """The command that mends what Pulumi complains of; where nothing is known, the one that shows what is in use."""
    known = (how for words, how in _MENDS if words in said.lower())
    return next(known, "make report STACK={stack}").format(stack=stack)


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A ready engine and one stack.

    Attributes:
        stack: The stack.
        environ: The whole environment in which Pulumi runs.
        root: The checkout that holds the program and the stack's file.
    """

    stack: Stack
    environ: Mapping[str, str]
    root: Path = ROOT

    def run(self, *argv: str, input_: str | None = None) -> int:
        """Runs a Pulumi command for the person to see; its exit code."""
        return subprocess.run(
            ["pulumi", *argv, "--stack", self.stack.name],
            cwd=self.root,
            env=self.environ,
            text=True,
            input=input_,
            check=False,
        ).returncode

    def ask(self, *argv: str, named: bool = True, input_: str | None = None) -> str:
        """What a Pulumi command prints; `named` false where the stack's name is its last word and no flag.

        Raises:
            ToolError: It failed.
        """
        said = subprocess.run(
            ["pulumi", *argv, *(["--stack"] if named else []), self.stack.name, "--non-interactive"],
            cwd=self.root, env=self.environ, text=True, capture_output=True, check=False, input=input_ or "",
        )  # fmt: skip
        if said.returncode:
            what = said.stderr.strip() or said.stdout.strip()
            raise ToolError(f"pulumi {' '.join(argv)}: {what}\n  mend it: {mend(what, self.stack.name)}")
        return said.stdout

    def outputs(self, *, secrets: bool = False) -> dict[str, Any]:
        """The stack's outputs; secret ones are masked unless they are asked for."""
        found: dict[str, Any] = json.loads(
            self.ask("stack", "output", "--json", *(["--show-secrets"] if secrets else []))
        )
        return found

    def state(self) -> dict[str, Any]:
        """The stack's state, secrets still encrypted: ``resources`` and ``pending_operations``."""
        found: dict[str, Any] = json.loads(self.ask("stack", "export")).get("deployment") or {}
        return found

    def config(self) -> dict[str, str]:
        """The stack's configuration, secrets in plain: for a cloud's API, never to be shown."""
        said = json.loads(self.ask("config", "--json", "--show-secrets"))
        return {key: str(one.get("value", "")) for key, one in said.items()}

    def daemons(self) -> list[Mapping[str, str]]:
        """For each host of the stack the environment of a Docker command that means its daemon.

        A host that is reached over SSH is known while its Docker provider is in the state: before, an update has not come so far as to have
        a Docker there, and afterwards a destroy may have deleted the very machine. Its key is pinned as the state has it.
        """
        if self.stack.local:
            return [{"DOCKER_HOST": self.stack.docker_host} if self.stack.docker_host else {}]
        resources = self.state().get("resources") or []
        there = {_host(one, "docker") for one in resources if one.get("type") == _DOCKER}
        reached = [one for one in resources if one.get("type") == _REACH and _host(one, "reach") in there]
        found = [(one.get("outputs") or {}).get("environment") or {} for one in reached]
        return [one for one in found if "DOCKER_HOST" in one]

    @property
    def state_folder(self) -> Path | None:
        """The folder of Pulumi's file backend; None where the state is kept elsewhere."""
        address = self.environ.get("PULUMI_BACKEND_URL", "")
        return Path(address.removeprefix("file://")).expanduser() / ".pulumi" if address.startswith("file://") else None

    @property
    def has_stack(self) -> bool:
        """Whether the stack is known to be there; `pulumi stack init` would be refused while somebody else updates it."""
        folder = self.state_folder
        return folder is not None and (folder / "stacks" / PROJECT / f"{self.stack.name}.json").is_file()


def _host(resource: Mapping[str, Any], part: str) -> str:
    return names.part_host(names.logical(str(resource["urn"])), part)


def prepared(stack: Stack) -> Engine:
    """An engine ready for `stack`; it must have been ensured before.

    Raises:
        ToolError: It is not there.
    """
    lines = module("toolchain.engine", "env", quiet=True).stdout.splitlines()
    pairs = (
        shlex.split(line.removeprefix("export "))[0].partition("=") for line in lines if line.startswith("export ")
    )
    added = {name: value for name, _, value in pairs}
    return Engine(stack=stack, environ=os.environ | added)
