"""Containers to look from, and programs that run inside them or inside any other container."""

from __future__ import annotations

import io
import json
import secrets
import shlex
import subprocess
import tarfile
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from rehearsal.probes.errors import ProbeError

IMAGE = "homeport/machine:bookworm"
"""The image of the emulated machines has all that the probes need: Python, wireguard-go, wg-quick, ip."""
IPV4 = 4
LABEL = "homeport.rehearsal.probe"
_HERE = Path(__file__).resolve().parent
# Reads "<length>\n<tar>" and runs a module from it; what follows on standard input is the module's.
_BOOT = """
import io, runpy, sys, tarfile, tempfile
stream = sys.stdin.buffer
folder = tempfile.TemporaryDirectory(prefix="probe-")
tarfile.open(fileobj=io.BytesIO(stream.read(int(stream.readline())))).extractall(folder.name)
sys.path.insert(0, folder.name)
sys.dont_write_bytecode = True
runpy.run_module("rehearsal.probes.inside." + sys.argv[1], run_name="__main__")
"""
_FLAGS = [
    "--detach",
    "--rm",
    "--pull",
    "never",
    # A probe that comes late on a busy machine would be a hole in what it saw.
    "--cpu-shares",
    "20480",
    "--cap-drop",
    "ALL",
    "--cap-add",
    "NET_RAW",
    "--cap-add",
    "NET_ADMIN",
    "--cap-add",
    "KILL",
    "--ulimit",
    "nofile=4096:4096",
]

# What finds no tunnel would else leave by the bridge's gateway, and somebody out there might answer in the host's
# place.
_NO_WAY_OUT = "ip route del default; ip -6 route del default; ! { ip route; ip -6 route; } | grep -E '^default.* via '"


def docker(*argv: str, stdin: bytes | None = None, timeout: float = 120) -> str:
    """Output of Docker's own command.

    Raises:
        ProbeError: it failed; with its own words.
    """
    done = subprocess.run(["docker", *argv], input=stdin or b"", capture_output=True, check=False, timeout=timeout)
    if done.returncode:
        raise ProbeError(
            f"docker {argv[0]}", (done.stderr or done.stdout).decode(errors="replace").strip(), "docker info"
        )
    return done.stdout.decode(errors="replace")


def parcel() -> bytes:
    """The programs of `inside`, as what the boot line reads."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path in sorted([_HERE / "__init__.py", *(_HERE / "inside").glob("*.py")]):
            member = tarfile.TarInfo(f"rehearsal/probes/{path.relative_to(_HERE)}")
            text = path.read_bytes()
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    return b"%d\n%s" % (buffer.tell(), buffer.getvalue())


@dataclass
class Running:
    """A program that runs inside, until `stop`.

    Attributes:
        name: The program, for messages.
        process: The command that holds it.
        answers: What it has said so far.
    """

    name: str
    process: subprocess.Popen[bytes]
    answers: list[dict[str, Any]] = field(default_factory=list)
    _grew: threading.Condition = field(default_factory=threading.Condition)
    _errors: list[bytes] = field(default_factory=list)
    _readers: list[threading.Thread] = field(default_factory=list)

    def listen(self) -> Self:
        """Reads what it says, in the background."""
        for reader in (self._read_answers, self._read_errors):
            self._readers.append(threading.Thread(target=reader, daemon=True))
            self._readers[-1].start()
        return self

    def _read_answers(self) -> None:
        for line in self.process.stdout or ():
            with self._grew:
                self.answers.append(json.loads(line))
                self._grew.notify_all()
        with self._grew:
            self._grew.notify_all()

    def _read_errors(self) -> None:
        self._errors.extend(self.process.stderr or ())

    def wait_for(self, number: int, seconds: float = 120) -> dict[str, Any]:
        """Its answer of that number, counted from 0, as soon as it is there.

        Raises:
            ProbeError: it ended before, or took too long.
        """
        with self._grew:
            self._grew.wait_for(lambda: len(self.answers) > number or self.process.poll() is not None, seconds)
            if len(self.answers) > number:
                return self.answers[number]
        raise ProbeError(self.name, f"gave no answer {number} in {seconds} s: {self._complaint()}")

    def stop(self, seconds: float = 120) -> list[dict[str, Any]]:
        """Lets it end, and returns all its answers.

        Raises:
            ProbeError: it failed, or did not end in time.
        """
        with suppress(BrokenPipeError):
            self._say_stop()
        return self.wait(seconds)

    def _say_stop(self) -> None:
        if self.process.stdin:
            self.process.stdin.close()

    def tell(self, text: bytes) -> None:
        """Writes to its standard input.

        Raises:
            ProbeError: it has ended.
        """
        try:
            if self.process.stdin:
                self.process.stdin.write(text)
                self.process.stdin.flush()
        except BrokenPipeError:
            self.wait(30)
            raise ProbeError(self.name, "ended before it was told what to do") from None

    def wait(self, seconds: float = 600) -> list[dict[str, Any]]:
        """Waits until it ends by itself; all its answers.

        Raises:
            ProbeError: it failed, or did not end in time.
        """
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired as late:
            self.process.kill()
            self.process.wait()
            raise ProbeError(self.name, f"did not end in {seconds} s") from late
        finally:
            self._close()
        if code:
            raise ProbeError(self.name, f"ended with {code}: {self._complaint()}")
        return self.answers

    def _close(self) -> None:
        for reader in self._readers:
            reader.join(10)
        for stream in filter(None, (self.process.stdin, self.process.stdout, self.process.stderr)):
            with suppress(BrokenPipeError):
                stream.close()

    def _complaint(self) -> str:
        lines = b"".join(self._errors).decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "no output"


def start(prefix: list[str], program: str, about: dict[str, Any]) -> Running:
    """Starts a program of `inside` where the command `prefix` leads.

    `docker exec -i NAME`, `ssh HOST`, or nothing for here.
    """
    line = ["python3", "-c", _BOOT, program]
    # ssh hands one text to a shell.
    command = [*prefix, shlex.join(line)] if prefix[:1] == ["ssh"] else [*prefix, *line]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)
    running = Running(program, process).listen()
    running.tell(parcel() + json.dumps(about).encode() + b"\n")
    return running


def run(prefix: list[str], program: str, about: dict[str, Any], seconds: float = 600) -> list[dict[str, Any]]:
    """Runs a program of `inside` to its end; its answers.

    Raises:
        ProbeError: it failed.
    """
    return start(prefix, program, about).wait(seconds)


@dataclass
class Box:
    """A container to look from, gone again at the end of its `with`.

    It reaches who is on its network, and nobody beyond.

    Attributes:
        network: Docker network that it stands on, or `container:NAME` for another's.
        image: What it is made of.
        flags: Further flags of `docker run`.
        name: Its own name.
    """

    network: str
    image: str = IMAGE
    flags: tuple[str, ...] = ()
    name: str = field(default_factory=lambda: f"homeport-probe-{secrets.token_hex(4)}")

    def __enter__(self) -> Self:
        identity = ("--name", self.name, "--label", f"{LABEL}={self.name}", "--network", self.network)
        docker("run", *_FLAGS, *identity, *self.flags, "--entrypoint", "sleep", self.image, "infinity")
        try:
            if not self.network.startswith("container:"):
                docker("exec", self.name, "sh", "-c", _NO_WAY_OUT)
        except ProbeError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        docker("rm", "--force", "--volumes", self.name)

    @property
    def prefix(self) -> list[str]:
        """The command that leads inside."""
        return inside(self.name)

    def address(self, family: int = IPV4) -> str:
        """Its address on its network.

        Raises:
            ProbeError: it has none of that family.
        """
        networks = json.loads(docker("inspect", "--format", "{{json .NetworkSettings.Networks}}", self.name))
        key = "IPAddress" if family == IPV4 else "GlobalIPv6Address"
        for network in networks.values():
            if network[key]:
                return str(network[key])
        raise ProbeError(self.name, f"has no IPv{family} address on {self.network}")


def inside(container: str) -> list[str]:
    """The command that leads inside a container."""
    return ["docker", "exec", "--interactive", container]
