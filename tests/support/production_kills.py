"""A rehearsal whose commands are killed.

What is killed, when, and what must be found afterwards in both clouds and on the host.

It looks at the clouds and at the machine past the program and past the command: over the emulated APIs, and by `docker
exec`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
import threading
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from homeport.cli.places import cache
from tests.support.checkout import ROOT, copied
from tests.support.scratch import docker

NAME = "rehearse-jett-preprod"
MARK = "HOMEPORT_TEST_KILLS"
SETTINGS = {"environment": "preprod", "domain": "example.com", "exposure": "tunnel", "protect_data": False}
LIGHT = {"services": {"n8n": {"enabled": False}}}
LATENCY = 3.0
"""Seconds that the clouds take for a call while one of them is to be caught between its work and its answer."""
_EVENT = re.compile(r"^ [-+~]{1,2} +(\S+) (\S+) (creating|created|deleting|deleted|updating|updated) ")
_NAMELESS = re.compile(r"^volume [0-9a-f]{64}\b")
_HETZNER = ("servers", "firewalls", "primary_ips", "ssh_keys", "volumes", "networks")
_CLOUDFLARE = (
    "/zones/{zone_id}/dns_records",
    "/accounts/{account_id}/access/apps",
    "/accounts/{account_id}/access/policies",
    "/accounts/{account_id}/access/service_tokens",
    "/accounts/{account_id}/access/identity_providers",
    "/accounts/{account_id}/cfd_tunnel?is_deleted=false",
)


@dataclass
class Run:
    """A command that was started, and its lines so far."""

    process: subprocess.Popen
    lines: list[str] = field(default_factory=list)
    grown: threading.Condition = field(default_factory=threading.Condition)
    reader: threading.Thread | None = None

    def read(self) -> None:
        """Takes its lines as they come."""
        with self.process.stdout as said:
            for line in said:
                with self.grown:
                    self.lines.append(line.rstrip("\n"))
                    self.grown.notify_all()

    def events(self) -> list[tuple[str, str, str]]:
        """Type, name and verb of every step so far."""
        return [found.groups() for line in list(self.lines) if (found := _EVENT.match(line))]

    def wait(self, reached) -> bool:
        """Waits until `reached()` holds; false when the command ended before."""
        with self.grown:
            while not reached():
                if self.process.poll() is not None:
                    return False
                # Not for the end of its output: a shared SSH connection that outlives it may hold that open.
                self.grown.wait(0.5)
        return True


class Killed:
    """One rehearsal of its own: preset jett in preprod without n8n, from a copy of the checkout."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "checkout"
        self.kept = cache() / "rehearsal" / NAME
        self.marks: list[str] = []
        self.victims: list[str] = []
        copied(self.source)
        # A rehearsal copies what git lists.
        subprocess.run(["git", "init", "--quiet"], cwd=self.source, check=True)
        config = {"homeport:preset": "jett", "homeport:settings": {**SETTINGS, **LIGHT}}
        (self.source / "Pulumi.preprod.yaml").write_text(yaml.safe_dump({"config": config}))

    def start(self, verb: str, *more: str) -> Run:
        """Starts what `make rehearse ENV=preprod` or `make rehearse-destroy ENV=preprod` runs."""
        mark = secrets.token_hex(8)
        self.marks.append(mark)
        process = subprocess.Popen(
            [sys.executable, "-m", "homeport.cli", verb, "--env", "preprod", *more],
            cwd=self.source,
            text=True,
            env={**os.environ, MARK: mark, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        run = Run(process)
        run.reader = threading.Thread(target=run.read, daemon=True)
        run.reader.start()
        return run

    def finish(self, verb: str, *more: str) -> tuple[int, str]:
        """Runs a command to its end: its code, and all that it said."""
        run = self.start(verb, *more)
        code = run.process.wait(1800)
        run.reader.join(5)
        return code, "\n".join(run.lines)

    def processes(self, mark: str) -> dict[int, str]:
        """Number to command line of every process that came out of a command, daemons too.

        They are known by the environment, which is handed down.
        """
        found = {}
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if f"{MARK}={mark}".encode() in (path / "environ").read_bytes().split(b"\0"):
                    found[int(path.name)] = (
                        (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    )
        return found

    def kill(self, run: Run, *, masters: bool) -> bool:
        """SIGKILL for the command, engine, language host, plugins and scripts; true if the command was still at work.

        Args:
            run: The command.
            masters: Whether SSH's shared connections die too, as with the power; else they stay, as with a kill by
                hand.
        """
        at_work = run.process.poll() is None
        self.victims.append(self.marks[-1])
        seen: set[int] = set()
        # Nobody is left to start another while they are counted; those of before are only dying.
        for _ in range(20):
            there = {
                one: said for one, said in self.processes(self.marks[-1]).items() if masters or "[mux]" not in said
            }
            for number in there:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
            if not set(there) - seen:
                break
            seen |= set(there)
        run.process.wait(180)
        return at_work

    def freeze(self) -> None:
        """Stops the engine alone: what its plugins are told by the clouds from now on reaches nobody."""
        for number, said in self.processes(self.marks[-1]).items():
            if said.split(" ")[0].endswith("pulumi"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(number, signal.SIGSTOP)

    @property
    def world(self) -> dict:
        """Where the clouds are."""
        return json.loads((self.kept / "world" / "world.json").read_text())

    def slow(self, seconds: float) -> None:
        """Lets every call to either cloud take that long."""
        body = {"seconds": seconds}
        _call("PUT", f"{self.world['hcloud']['control']}/latency", "", body)
        _call("PUT", f"{self.world['cloudflare']['control']}/latency", "", body)

    def clouds(self) -> dict[str, list[str]]:
        """The ids of all that is in both clouds, by kind."""
        hetzner, flare = self.world["hcloud"], self.world["cloudflare"]
        found = {
            kind: sorted(
                str(row["id"]) for row in _call("GET", f"{hetzner['endpoint']}/{kind}", hetzner["token"])[kind]
            )
            for kind in _HETZNER
        }
        for path in _CLOUDFLARE:
            rows = _call("GET", flare["api"] + path.format(**flare["ids"]), flare["token"])["result"] or []
            found[path.split("/")[-1].partition("?")[0]] = sorted(str(row["id"]) for row in rows)
        return found

    def state(self) -> list[dict]:
        """The resources of the state."""
        return json.loads(self.pulumi("stack", "export").stdout)["deployment"].get("resources") or []

    def stored(self) -> set[str]:
        """The ids in the state's file; Pulumi itself need not run."""
        path = self.kept / "state" / ".pulumi" / "stacks" / "homeport" / f"{NAME}.json"
        latest = json.loads(path.read_text())["checkpoint"]["latest"] or {}
        return {one["id"] for one in latest.get("resources") or [] if one.get("custom")}

    def known(self, prefix: str) -> list[str]:
        """The ids of the state's resources of one provider."""
        return sorted(one["id"] for one in self.state() if one["type"].startswith(prefix) and one.get("custom"))

    def machines(self) -> list[str]:
        """The world's machines."""
        names = docker("ps", "-a", "--filter", f"name=^homeport-{self.world['id']}-", "--format", "{{.Names}}").split()
        return sorted(names)

    def on_host(self) -> dict[str, str]:
        """Name to id of what is on the machine's own Docker: containers, volumes, networks but Docker's own."""
        inside = ("exec", self.machines()[0], "docker")
        lines = docker(*inside, "network", "ls", "--no-trunc", "--format", "network {{.Name}} {{.ID}}").splitlines()
        lines += docker(*inside, "ps", "-a", "--no-trunc", "--format", "container {{.Names}} {{.ID}}").splitlines()
        lines += docker(*inside, "volume", "ls", "--format", "volume {{.Name}} {{.Name}}").splitlines()
        idle = docker(*inside, "volume", "ls", "--quiet", "--filter", "dangling=true").split()
        # What an image declares without our naming it belongs to its container, as long as there is one.
        lines = [line for line in lines if not _NAMELESS.match(line) or line.split()[-1] in idle]
        usual = ("network bridge", "network host", "network none")
        found = dict(line.rsplit(" ", 1) for line in lines)
        return {name: one for name, one in found.items() if name not in usual}

    def besides(self) -> list[str]:
        """Names of what is on the machine's Docker and not in the state: what the host's own units start there."""
        known = self.stored()
        return sorted(
            _NAMELESS.sub("volume without a name", name) for name, one in self.on_host().items() if one not in known
        )

    def pulumi(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Pulumi on this stack, as `make rehearse-shell` gives it."""
        said = subprocess.run(
            [sys.executable, "-m", "toolchain.engine", "env"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        lines = [shlex.split(line.removeprefix("export "))[0].partition("=") for line in said.stdout.splitlines()]
        given = {name: value for name, _, value in lines} | {"PULUMI_BACKEND_URL": f"file://{self.kept / 'state'}"}
        return subprocess.run(
            ["pulumi", *argv, "--stack", NAME, "--non-interactive"],
            cwd=self.kept / "checkout",
            env=os.environ | given,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )


def _call(method: str, url: str, token: str, body: dict | None = None) -> dict:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers, method=method)  # noqa: S310  # the world's own
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
        return json.loads(answer.read() or b"{}")
