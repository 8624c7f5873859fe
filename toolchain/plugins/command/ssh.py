"""Connections over the machine's own OpenSSH: one master connection per dial, sessions through its control socket.

The official plugin has its own SSH client; attempts, pauses and error texts are its
(provider/pkg/provider/remote/connection.go). Nothing of the user's own SSH configuration is read. Keys and passwords
lie in a private folder while the connection is being made, and are gone when it stands.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from toolchain.plugins.base import ProviderError
from toolchain.plugins.context import current

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# retry.Until of Pulumi's SDK for Go: first pause, growth, longest pause; in seconds.
_PAUSE, _GROWTH, _LONGEST = 0.1, 1.5, 5.0
_POLL, PATIENCE = 0.02, 2.0  # the latter for the end of all connections together
_HANDSHAKE: Final = "ssh: handshake failed: "
_QUIET: Final = ("-F", "/dev/null", "-o", "LogLevel=ERROR")
# Keeps the master only as long as this plugin lives: when its input ends, the shell ends the master and tidies up.
_KEEPER: Final = 'ssh "$@" & child=$!; exec 2>/dev/null; cat >/dev/null; kill "$child"; wait "$child"; rm -rf -- "$0"'
_ASKPASS: Final = """#!/bin/sh
case "$1" in
*assphrase*) printf '%s\\n' "$HOMEPORT_SSH_PASSPHRASE" ;;
*) printf '%s\\n' "$HOMEPORT_SSH_PASSWORD" ;;
esac
"""


@dataclass(slots=True)
class Link:
    """A connection that stands.

    Attributes:
        folder: Private folder that holds its control socket.
        keeper: The process that ends with it.
        via: The connection to the proxy that carries it, None without one.
    """

    folder: Path
    keeper: subprocess.Popen[bytes]
    via: Link | None = None

    @property
    def socket(self) -> str:
        """Path of the control socket."""
        return str(self.folder / "s")

    @property
    def broken(self) -> bool:
        """Whether the connection has ended by itself: ssh removes the socket before its sessions hear of it."""
        return not Path(self.socket).exists()

    def session(self, *words: str, send: tuple[str, ...] = ()) -> list[str]:
        """Argument list of a session; `send` names variables of its environment to hand over."""
        # Without its master this must fail, not make a connection of its own: hence the proxy command.
        options = ["-S", self.socket, "-T", "-e", "none", "-o", "BatchMode=yes", "-o", "ProxyCommand=false"]
        handed = [part for name in send for part in ("-o", f"SendEnv={name}")]
        return ["ssh", *_QUIET, *options, *handed, *words]

    def hang_up(self) -> None:
        """Tells the connection to end, without waiting for it."""
        if self.keeper.stdin is not None and not self.keeper.stdin.closed:
            self.keeper.stdin.close()

    def close(self, patience: Deadline | None = None) -> None:
        """Ends the connection and removes its folder; what has not ended in time is killed."""
        self.hang_up()
        with suppress(subprocess.TimeoutExpired):
            self.keeper.wait((patience or Deadline(PATIENCE)).left())
        self.keeper.kill()  # no more than a word to one that has ended
        self.keeper.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.via is not None:
            self.via.close(patience)


class Deadline:
    """When a call has to end.

    Args:
        seconds: From now, 0 for never.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds if seconds else None

    def left(self) -> float:
        """Seconds left, 0 when there is no end; never 0 when there is one."""
        return 0 if self._end is None else max(self._end - time.monotonic(), 0.001)

    def check(self) -> None:
        """Raises `ProviderError` when the time is over or the engine has cancelled."""
        if current().cancelled.is_set():
            raise ProviderError("context canceled")
        if self._end is not None and time.monotonic() >= self._end:
            raise ProviderError("context deadline exceeded")


def dial(connection: Mapping[str, Any], deadline: Deadline) -> Link:
    """Connects as the resource's `connection` says, by its proxy if it has one."""
    _prepare(connection)
    if (proxy := connection.get("proxy")) is None:
        return _with_retry("Dial", connection, deadline, lambda: _attempt(connection, None, deadline))
    try:
        _prepare(proxy)
        via = _with_retry("Dial proxy", proxy, deadline, lambda: _attempt(proxy, None, deadline))
        try:
            return _with_retry("Dial from proxy", connection, deadline, lambda: _attempt(connection, via, deadline))
        except ProviderError:
            via.close()
            raise
    except ProviderError as problem:
        raise ProviderError(f"proxy: {problem}", problem.code) from problem


def _prepare(endpoint: Mapping[str, Any]) -> None:
    if problem := _key_problem(endpoint):
        raise ProviderError(problem)
    agent = endpoint.get("agentSocketPath")
    if agent and not Path(agent).exists():
        raise ProviderError(f"dial unix {agent}: connect: no such file or directory")


def _with_retry(what: str, endpoint: Mapping[str, Any], deadline: Deadline, attempt: Callable[[], Link]) -> Link:
    limit, pause, tries = int(endpoint.get("dialErrorLimit", 10)), _PAUSE, 0
    while True:
        deadline.check()
        try:
            return attempt()
        except _Refused as refused:
            if -1 < limit < tries + 1:
                raise ProviderError(f"after {tries} failed attempts: {refused}") from refused
        tries += 1
        current().log(f"{what} {tries}/{'inf' if limit == -1 else limit} failed: retrying", ephemeral=True)
        end = time.monotonic() + pause
        while time.monotonic() < end:
            deadline.check()
            time.sleep(min(_POLL * 2, pause))
        pause = min(pause * _GROWTH, _LONGEST)


class _Refused(Exception):  # noqa: N818  (never leaves this module)
    """One attempt that failed."""


def _attempt(endpoint: Mapping[str, Any], via: Link | None, deadline: Deadline) -> Link:
    folder = Path(tempfile.mkdtemp(prefix="homeport-ssh-"))
    try:
        keeper = subprocess.Popen(
            ["/bin/sh", "-c", _KEEPER, str(folder), *_options(endpoint, folder, via), "--", str(endpoint["host"])],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=_environment(endpoint, folder),
            start_new_session=True,
        )
        link = Link(folder, keeper, via)
        try:
            _await(link, endpoint, deadline)
        except (ProviderError, _Refused):
            link.via = None  # still good for the next attempt
            link.close()
            raise
    finally:
        for secret in ("key", "askpass"):
            (folder / secret).unlink(missing_ok=True)
    return link


def _await(link: Link, endpoint: Mapping[str, Any], deadline: Deadline) -> None:
    heard: list[bytes] = []
    stderr = link.keeper.stderr
    listener = threading.Thread(target=lambda: heard.append(stderr.read() if stderr else b""), daemon=True)
    listener.start()
    while not Path(link.socket).exists():
        deadline.check()
        if not listener.is_alive():
            raise _Refused(_refusal(endpoint, b"".join(heard).decode(errors="replace")))
        time.sleep(_POLL)


def _environment(endpoint: Mapping[str, Any], folder: Path) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "USER")}
    return {
        **env,
        "SSH_ASKPASS": str(folder / "askpass"),
        "SSH_ASKPASS_REQUIRE": "force",
        "HOMEPORT_SSH_PASSPHRASE": endpoint.get("privateKeyPassword") or "",
        "HOMEPORT_SSH_PASSWORD": endpoint.get("password") or "",
    }


def _options(endpoint: Mapping[str, Any], folder: Path, via: Link | None) -> list[str]:
    settings = {
        "ControlPersist": "no",
        "ConnectionAttempts": "1",
        "ConnectTimeout": str(int(endpoint.get("perDialTimeout", 15)) or "none"),
        # Go's client leaves a host that falls silent to TCP's keepalive, which takes minutes.
        "ServerAliveInterval": "15",
        "ServerAliveCountMax": "2",
        "NumberOfPasswordPrompts": "1",
        # What a session hands over must be allowed here too; each session names its own.
        "SendEnv": "*",
        "PreferredAuthentications": "publickey,password,keyboard-interactive",
        "IdentityAgent": endpoint.get("agentSocketPath") or os.environ.get("SSH_AUTH_SOCK") or "none",
        "IdentityFile": "none",
        "PasswordAuthentication": "yes" if endpoint.get("password") else "no",
        "KbdInteractiveAuthentication": "yes" if endpoint.get("password") else "no",
        **_host_key(endpoint, folder),
    }
    _write(folder / "askpass", _ASKPASS, 0o700)
    if endpoint.get("privateKey"):
        _write(folder / "key", endpoint["privateKey"].rstrip("\n") + "\n", 0o600)
        settings["IdentityFile"] = str(folder / "key")
    if via is not None:
        settings["ProxyCommand"] = f"ssh {' '.join(_QUIET)} -S {via.socket} -W [%h]:%p -- via"
    options = [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]
    where = ("-p", str(int(endpoint.get("port", 22))), "-l", str(endpoint.get("user", "root")))
    return [*_QUIET, "-N", "-M", "-S", str(folder / "s"), *options, *where]


def _host_key(endpoint: Mapping[str, Any], folder: Path) -> dict[str, str]:
    if not (key := endpoint.get("hostKey")):
        # As officially: without a hostKey any server is trusted (pulumi-command#755).
        return {"StrictHostKeyChecking": "no", "UserKnownHostsFile": "/dev/null"}
    _write(folder / "known", f"* {' '.join(key.split()[:2])}\n", 0o600)
    return {
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(folder / "known"),
        "GlobalKnownHostsFile": "/dev/null",
        "CheckHostIP": "no",
    }


def _write(path: Path, text: str, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)


def _refusal(endpoint: Mapping[str, Any], heard: str) -> str:
    """Go's words for what OpenSSH wrote when a connection failed."""
    host, port = endpoint["host"], int(endpoint.get("port", 22))
    address = f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
    words = {
        "Connection refused": f"dial tcp {address}: connect: connection refused",
        "Could not resolve hostname": f"dial tcp: lookup {host}: no such host",
        "No route to host": f"dial tcp {address}: connect: no route to host",
        "Network is unreachable": f"dial tcp {address}: connect: network is unreachable",
        "timed out": f"dial tcp {address}: i/o timeout",
        "Permission denied": f"{_HANDSHAKE}ssh: unable to authenticate, attempted methods {_methods(endpoint)}, "
        "no supported methods remain",
        "Host key verification failed": f"{_HANDSHAKE}ssh: host key mismatch",
        "administratively prohibited": "ssh: rejected: administratively prohibited (open failed)",
    }
    for sign, text in words.items():
        if sign in heard:
            return text
    lines = [line for line in heard.strip().splitlines() if line]
    return _HANDSHAKE + (re.sub(r"^(ssh|kex_exchange_identification): ", "", lines[-1]) if lines else "EOF")


def _methods(endpoint: Mapping[str, Any]) -> str:
    tried = ["none"]
    if endpoint.get("privateKey") or endpoint.get("agentSocketPath") or os.environ.get("SSH_AUTH_SOCK"):
        tried.append("publickey")
    if endpoint.get("password"):
        tried.append("password")
    return f"[{' '.join(tried)}]"


def _key_problem(endpoint: Mapping[str, Any]) -> str:
    """What is wrong with the private key or the host key itself; empty when nothing is."""
    host_key = endpoint.get("hostKey")
    if host_key and _fails("-l", host_key + "\n"):
        return "failed to parse host key: ssh: no key found"
    key = endpoint.get("privateKey")
    if not key:
        return ""
    text = key.rstrip("\n") + "\n"
    password = endpoint.get("privateKeyPassword") or ""
    if not _fails("-y", text, password):
        return ""
    if "PRIVATE KEY-----" not in text:
        return "ssh: no key found"
    return "x509: decryption password incorrect" if password else "ssh: this private key is passphrase protected"


def _fails(mode: str, text: str, password: str = "") -> bool:
    with tempfile.TemporaryDirectory(prefix="homeport-key-") as folder:
        path = Path(folder) / "key"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        # The password goes by SSH_ASKPASS: an argument could be read in the process list.
        askpass = Path(folder) / "askpass"
        with os.fdopen(os.open(askpass, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700), "w") as file:
            file.write("#!/bin/sh\nprintf '%s\\n' \"$HOMEPORT_SSH_PASSPHRASE\"\n")
        env = {
            "PATH": os.environ.get("PATH", ""),
            "SSH_ASKPASS": str(askpass),
            "SSH_ASKPASS_REQUIRE": "force",
            "HOMEPORT_SSH_PASSPHRASE": password,
        }
        done = subprocess.run(
            ["ssh-keygen", mode, "-f", str(path)],
            check=False,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return done.returncode != 0
