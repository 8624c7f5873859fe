"""Runs Pulumi in the environment that `toolchain.engine` prepares: its own CLI, or the same engine built here."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from homeport.cli import interrupts
from homeport.cli.places import ROOT
from homeport.cli.progress import Progress
from homeport.cli.stack import PROJECT, read
from homeport.model import fixes, names
from homeport.model.errors import ToolError

_REACH = "homeport:host:Reach"
_DOCKER = "pulumi:providers:docker"
_CHECKPOINT = 3
_URN = re.compile(r"urn:pulumi:([^:]+)::")
_ENVELOPE = "4dabf18193072939515e22adb298388d"
"""The key by which a state marks an envelope (sdk/go/common/resource/sig/sig.go)."""
_LOCKED = ("currently locked", "another update is currently in progress")
_UNLOCK = "make repair STACK={stack}, once no pulumi command runs on it any more; the lock above says whose it is"
_CANCEL = (
    f"wait until it has ended; if whoever it was is surely gone: {fixes.PULUMI} cancel --stack {{stack}}; "
    "then make repair STACK={stack}"
)
"""Nobody here sees whether a process on another machine lives, so `repair` removes no lock of a shared state."""
_BROKEN = ("failed to load checkpoint", "snapshot integrity failure")
"""Of a state that is not whole."""
_BACKUP = (
    "put the state's file back from your backup; of an export (pulumi stack export): "
    "bin/homeport pulumi stack import --stack {stack} --file …"
)
_HINTS = (
    # What Pulumi says (pkg/backend, pkg/secrets/passphrase, v3.255) or Pulumi Cloud, and what helps.
    (
        "incorrect passphrase",
        "give PULUMI_CONFIG_PASSPHRASE the one that this stack was made with, or put it back beside the state",
    ),
    (
        "passphrase must be set",
        "PULUMI_CONFIG_PASSPHRASE=… or PULUMI_CONFIG_PASSPHRASE_FILE=…, as with this stack's first update",
    ),
    ("no stack named", "make up STACK={stack}, which makes it"),
    *((words, _BACKUP) for words in _BROKEN),
    ("pulumi login", "bin/homeport pulumi login, to the place that PULUMI_BACKEND_URL names"),
    ("permission denied", "let this user write there, or set HOMEPORT_CACHE to a folder of its own"),
)
"""By words of what Pulumi says, in any case."""

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from homeport.cli.stack import Stack


class BrokenStateError(ToolError):
    """A state that nothing may be done by."""


STDERR = 2
"""The descriptor that gets what Pulumi shows where standard output is kept for a document."""


def module(name: str, *argv: str, quiet: bool = False) -> subprocess.CompletedProcess[str]:
    """Runs a command of the tool chain or of the rehearsal in its own process; the two sides share nothing but this.

    Raises:
        ToolError: It failed; what it printed has been shown already, or is the error's text.
    """
    done = subprocess.run(
        [sys.executable, "-m", name, *argv], cwd=ROOT, text=True, check=False, stdout=subprocess.PIPE if quiet else None
    )
    if done.returncode:
        raise failed(name, argv, done.returncode)
    return done


def failed(name: str, argv: Sequence[str], code: int) -> ToolError:
    """The error of a command that has shown its own reason."""
    return ToolError(f"python -m {' '.join([name, *argv[:1]])}: ended with code {code}, for the reason above")


def engine_command(*argv: str) -> int:
    """Runs a command of the tool chain's engine for the person to see; its exit code."""
    return subprocess.run([sys.executable, "-m", "toolchain.engine", *argv], cwd=ROOT, check=False).returncode


def ensure(
    images: Sequence[str] = (), *, engine: bool = True, which: bool = False, contracts: Sequence[str] = ()
) -> None:
    """Fetches or builds what is missing of the engine and the images.

    Both at once: one waits for the processor while the other waits for the network.

    Args:
        images: Which images.
        engine: Whether the engine too.
        which: It is said which engine that is, also where nothing of it was missing.
        contracts: What stands in for an image of the stack's own where no registry can be asked (``Stack.contracts``).

    Raises:
        ToolError: One of them cannot be had; the other was still tried.
    """
    commands: list[tuple[str, ...]] = (
        [("toolchain.engine", "ensure", *(() if which else ("--changes",)))] if engine else []
    )
    told = (f"--contract={contract}" for contract in contracts)
    commands += [("toolchain.images", "ensure", *told, *images)] if images else []
    with Progress() as progress, ThreadPoolExecutor() as pool:
        codes = list(pool.map(lambda command: _watched(command, progress), commands))
    for command, code in zip(commands, codes, strict=True):
        if code:
            raise failed(command[0], command[1:], code)


def _watched(command: tuple[str, ...], progress: Progress) -> int:
    """Runs a command of the tool chain and hands each line of it on; its exit code."""
    argv = [sys.executable, "-m", *command]
    with subprocess.Popen(argv, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        for line in process.stdout or ():
            progress.line(line.rstrip("\n"))
    return process.returncode


def hint(complaint: str, stack: str, *, shared: bool = False) -> str:
    """The command that fixes what Pulumi complains of; where nothing is known, the one that shows what is in use.

    Args:
        complaint: What Pulumi said.
        stack: The stack's name.
        shared: Its state is kept where others may work on it from other machines.
    """
    locked = ((words, _CANCEL if shared else _UNLOCK) for words in _LOCKED)
    known = (how for words, how in (*locked, *_HINTS) if words in complaint.lower())
    return next(known, "make report STACK={stack}").format(stack=stack)


@dataclass(frozen=True, kw_only=True)
class PulumiCli:
    """Pulumi's command line, with everything it needs, for one stack.

    Attributes:
        stack: The stack.
        environ: The whole environment in which Pulumi runs.
        root: The checkout that holds the program and the stack's file.
        output: The descriptor that gets what Pulumi shows; standard output unless something else is there.
    """

    stack: Stack
    environ: Mapping[str, str]
    root: Path = ROOT
    output: int | None = None

    def run(self, *argv: str, input_: str | None = None, events: Path | None = None, quiet: bool = False) -> int:
        """Runs a Pulumi command for the person to see; its exit code.

        An interrupt lets it end what is under way (`homeport.cli.interrupts`).

        Args:
            argv: The command.
            input_: Its standard input; the person's own where there is none.
            events: Where the engine's events are written, one JSON document a line.
            quiet: What it says is shown only when it fails.

        Raises:
            CutOffError: A signal has ended it.
        """
        # Pulumi's own Automation API reads the events the same way (sdk/python/lib/pulumi/automation/_stack.py).
        logged = ["--event-log", str(events)] if events else []
        done = interrupts.run(
            ["pulumi", *argv, *logged, *(["--non-interactive"] if quiet else []), "--stack", self.stack.name],
            input_,
            cwd=self.root,
            env={**self.environ, "PULUMI_DEBUG_COMMANDS": "true"} if events else self.environ,
            stdout=subprocess.PIPE if quiet else self.output,
            stderr=subprocess.STDOUT if quiet else None,
        )
        if quiet and done.returncode:
            print(done.stdout.rstrip(), file=sys.stderr, flush=True)
        return interrupts.whole(done.returncode, f"pulumi {argv[0][:20]}")

    def run_without(self, lines: tuple[str, ...], *argv: str) -> int:
        """Runs a Pulumi command for the person to see, but for lines that begin so; its exit code.

        Raises:
            CutOffError: A signal has ended it.
        """
        coloured = ["--color", "always"] if sys.stdout.isatty() and "NO_COLOR" not in self.environ else []
        stream = sys.stderr if self.output == STDERR else sys.stdout

        def show(line: str) -> None:
            if not line.startswith(lines):
                print(line, end="", file=stream, flush=True)

        argv = ("pulumi", *argv, *coloured, "--stack", self.stack.name)
        return interrupts.whole(interrupts.shown(argv, show, cwd=self.root, env=self.environ), f"pulumi {argv[1]}")

    def ask(self, *argv: str, named: bool = True, input_: str | None = None) -> str:
        """What a Pulumi command prints; `named` false where the stack's name is its last word and no flag.

        Raises:
            ToolError: It failed.
        """
        answer = interrupts.run(
            ["pulumi", *argv, *(["--stack"] if named else []), self.stack.name, "--non-interactive"],
            input_ or "",
            cwd=self.root,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        if answer.returncode:
            what = answer.stderr.strip() or answer.stdout.strip()
            broken = any(words in what for words in _BROKEN)
            fix = self._put_back() if broken else hint(what, self.stack.name, shared=self.state_folder is None)
            raise ToolError(f"pulumi {' '.join(argv)}: {what}\n  fix: {fix}")
        return answer.stdout

    def outputs(self, *, secrets: bool = False) -> dict[str, Any]:
        """The stack's outputs; secret ones are masked unless they are asked for."""
        if not secrets and (rows := self._kept().get("resources")):
            stack: dict[str, Any] = next((row for row in rows if row["type"] == "pulumi:pulumi:Stack"), {})
            return {key: _masked(value) for key, value in (stack.get("outputs") or {}).items()}
        outputs: dict[str, Any] = json.loads(
            self.ask("stack", "output", "--json", *(["--show-secrets"] if secrets else []))
        )
        return outputs

    def state(self) -> dict[str, Any]:
        """The stack's state, secrets still encrypted: ``resources`` and ``pending_operations``."""
        if kept := self._kept():
            return kept
        state: dict[str, Any] = json.loads(self.ask("stack", "export")).get("deployment") or {}
        return state

    def _kept(self) -> dict[str, Any]:
        """The same out of the file that holds it; nothing where it is kept otherwise.

        Each command of Pulumi's costs a third of a second of the processor, and an update looks at the state six times.
        Source: pulumi v3.255, pkg/backend/diy/state.go (the file), sdk/go/common/apitype/core.go (CheckpointV3).
        """
        try:
            file = self._state_file
            whole = json.loads(file.read_bytes()) if file else {}
            if whole.get("version") != _CHECKPOINT:
                return {}
            # A stack that was never updated has nothing there.
            kept: dict[str, Any] = whole["checkpoint"].get("latest") or {"resources": []}
        except (OSError, ValueError, KeyError, AttributeError):
            return {}
        return kept

    def rewrite(self, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
        """Puts what `change` makes of the state's resources in their place.

        Raises:
            ToolError: An update is running.
        """
        self.refuse_running()
        whole = json.loads(self.ask("stack", "export"))
        whole["deployment"]["resources"] = change(whole["deployment"].get("resources") or [])
        self.ask("stack", "import", input_=json.dumps(whole))

    def refuse_running(self) -> None:
        """Fails while an update of a shared state is running; of a state in a folder its locks are looked at instead.

        Only Pulumi takes a shared state's lock, and an import takes it after what is imported was exported: an update
        that ends in between would be overwritten. So a command that changes nothing takes it first. An update that
        begins after that does not end within the seconds that export and import take, and stops the import.

        Raises:
            ToolError: One is running; Pulumi says whose.
        """
        if self.state_folder is not None:
            return
        rows = self.state().get("resources") or []
        # The stack itself alone, so that no provider is asked; a state without it has nothing to ask for.
        targets = [f"--target={row['urn']}" for row in rows if row["type"] == "pulumi:pulumi:Stack"]
        self.ask("refresh", "--yes", "--skip-preview", "--suppress-outputs", *targets)

    def refuse_broken(self) -> None:
        """Fails where the state is not whole, or is another stack's: by what it does not know things are removed.

        Pulumi looks whether it is whole, but whose it is only where one is imported: an update would take down what
        another stack has (pulumi v3.255, pkg/backend/diy/state.go, getSnapshot; pkg/cmd/pulumi/stack/io.go,
        SaveSnapshot). A file that is JSON and nothing that Pulumi has written counts there as a stack without anything.

        Raises:
            BrokenStateError: It is; with what puts it back.
        """
        try:
            self.ask("stack")
        except ToolError as error:
            raise BrokenStateError(str(error)) from None
        whose = {found[1] for row in self.state().get("resources") or [] if (found := _URN.match(row["urn"]))}
        if strangers := whose - {self.stack.name}:
            what = f"what is kept as its state is that of stack {', '.join(sorted(strangers))}"
        elif (file := self._state_file) and file.is_file() and not _names_a_stack(file):
            what = f"{file} is nothing that Pulumi has written"
        else:
            return
        raise BrokenStateError(f"stack {self.stack.name}: {what}; nothing was changed\n  fix: {self._put_back()}")

    def _put_back(self) -> str:
        """What puts the state back: of a folder, where Pulumi keeps it as each update has left it."""
        folder, name = self.state_folder, self.stack.name
        kept = sorted((folder / "history" / PROJECT / name).glob(f"{name}-*.checkpoint.json")) if folder else []
        if not kept:
            return _BACKUP.format(stack=name)
        words = shlex.join(["cp", str(kept[-1]), str(self._state_file)])
        return f"{words}, which is how the last update left it; or put it back from your backup"

    @property
    def _state_file(self) -> Path | None:
        """The file that holds the state, whether it is there or not; None where it is kept elsewhere."""
        folder = self.state_folder
        return folder / "stacks" / PROJECT / f"{self.stack.name}.json" if folder else None

    def secret_state(self) -> dict[str, Any]:
        """The stack's state, secrets in plain: for comparing what was delivered, never to be shown or kept."""
        state: dict[str, Any] = json.loads(self.ask("stack", "export", "--show-secrets")).get("deployment") or {}
        return state

    def history(self, size: int) -> list[dict[str, Any]]:
        """The stack's last updates, the newest first."""
        text = self.ask("stack", "history", "--json", "--page-size", str(size), "--page", "1")
        updates: list[dict[str, Any]] = json.loads(text or "[]")
        return updates

    def last_change(self) -> dict[str, Any]:
        """The newest entry that is no refresh, which changes nothing; empty where there is none."""
        return next((update for update in self.history(20) if update["kind"] != "refresh"), {})

    def config(self) -> dict[str, str]:
        """The stack's configuration, secrets in plain: for a cloud's API, never to be shown."""
        values = json.loads(self.ask("config", "--json", "--show-secrets"))
        return {key: str(item.get("value", "")) for key, item in values.items()}

    def daemons(self) -> list[Mapping[str, str]]:
        """For each host of the stack that is known the environment of a Docker command that means its daemon."""
        return [self.stack.docker] if self.stack.local else [*self.daemons_by_host().values()]

    def daemons_by_host(self) -> dict[str, Mapping[str, str]]:
        """The same by the hosts' names.

        A host behind SSH is known while its Docker provider is in the state: before, an update has not come so far as
        to have a Docker there, and afterwards a destroy may have deleted the very machine. Its key is pinned as the
        state has it.
        """
        if self.stack.local:
            return dict.fromkeys(self.stack.plan.hosts, self.stack.docker)
        resources = self.state().get("resources") or []
        providers = {_host(resource, "docker") for resource in resources if resource.get("type") == _DOCKER}
        hosts = [resource for resource in resources if resource.get("type") == _REACH]
        hosts = [host for host in hosts if _host(host, "reach") in providers]
        environments = {_host(host, "reach"): (host.get("outputs") or {}).get("environment") or {} for host in hosts}
        return {name: environment for name, environment in environments.items() if "DOCKER_HOST" in environment}

    @property
    def state_folder(self) -> Path | None:
        """The folder of Pulumi's file backend; None where the state is kept elsewhere."""
        address = self.environ.get("PULUMI_BACKEND_URL", "")
        folder = Path(unquote(address.removeprefix("file://").partition("?")[0])).expanduser()
        return folder / ".pulumi" if address.startswith("file://") else None

    @property
    def has_stack(self) -> bool:
        """Whether the stack is surely there; `pulumi stack init` would be refused while somebody else updates it."""
        file = self._state_file
        return file is not None and file.is_file()


def _names_a_stack(file: Path) -> bool:
    """Whether it has the form of a state's file, which names its stack; a future one's form is Pulumi's to judge."""
    try:
        whole = json.loads(file.read_bytes())
        return whole["version"] > _CHECKPOINT or bool(whole["checkpoint"]["stack"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _masked(value: Any) -> Any:
    """An output as Pulumi shows it: what is secret is an envelope with its ciphertext in it."""
    if isinstance(value, dict):
        return "[secret]" if _ENVELOPE in value else {key: _masked(item) for key, item in value.items()}
    return [_masked(item) for item in value] if isinstance(value, list) else value


def _host(resource: Mapping[str, Any], part: str) -> str:
    return names.part_host(names.logical(str(resource["urn"])), part)


def make_stacks() -> None:
    """Makes each stack that has a file and is not there yet, so that plain pulumi finds all of them.

    Only in a folder: where the state is kept elsewhere, whoever looks after that place makes its stacks.
    """
    stacks = list(_with_files())
    if not stacks:
        return
    first = prepared(stacks[0])
    for stack in stacks:
        pulumi = replace(first, stack=stack)
        if pulumi.state_folder is not None and not pulumi.has_stack:
            module("toolchain.engine", "init-stack", stack.name, quiet=True)


def _with_files() -> Iterator[Stack]:
    """Each stack that has a file; one whose file goes meanwhile, as a measurement's does, is nobody's error."""
    for path in sorted(ROOT.glob("Pulumi.*.yaml")):
        try:
            yield read(path.name.split(".")[1])
        except ToolError:
            if path.exists():
                raise


def prepared(stack: Stack) -> PulumiCli:
    """Pulumi's CLI, ready for `stack`; its engine must have been ensured before.

    Raises:
        ToolError: It is not there.
    """
    lines = module("toolchain.engine", "env", quiet=True).stdout.splitlines()
    pairs = (
        shlex.split(line.removeprefix("export "))[0].partition("=") for line in lines if line.startswith("export ")
    )
    added = {name: value for name, _, value in pairs}
    return PulumiCli(stack=stack, environ=os.environ | added)
