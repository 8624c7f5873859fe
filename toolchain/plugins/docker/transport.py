"""Sessions over unix sockets, TCP, TLS and ssh."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import docker
import urllib3
import urllib3.connection
from docker.errors import DockerException
from docker.tls import TLSConfig
from requests.adapters import HTTPAdapter

from toolchain.plugins.docker.daemon import DaemonError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from requests import Session

    from toolchain.plugins.docker.daemon import Settings

# Any version will do: calls carry their own. Given one, docker-py asks the daemon nothing while it starts.
_FIXED: Final = "1.41"
_DEFAULT: Final = "unix:///var/run/docker.sock"
# Never resolved: only the adapter mounted there sees it. docker-py insists on a port.
_SSH_BASE: Final = "http://docker.invalid:2375"
_LAST_WORDS: Final = 1.0  # seconds that a broken ssh has to say why
_GRACE: Final = 0.1  # and one that we leave ourselves


def open_session(settings: Settings, pool: int) -> tuple[Session, str]:
    """A session and the address that its paths follow; nothing is sent yet.

    Raises:
        DaemonError: When the settings make no address.
    """
    host = settings.host or _DEFAULT
    try:
        if host.startswith("ssh://"):
            client = docker.APIClient(base_url=_SSH_BASE, version=_FIXED)
            client.trust_env = False  # no proxy stands between us and our own ssh
            client.mount(_SSH_BASE, SshAdapter(ssh_command(host, settings.ssh_opts), pool))
            return client, _SSH_BASE
        client = docker.APIClient(base_url=host, version=_FIXED, tls=_tls(settings), max_pool_size=pool)
        client.trust_env = not host.startswith("unix://")  # a proxy of `all_proxy` would get a socket's requests too
    except DockerException as bad:
        raise DaemonError(f"unable to parse docker host `{host}`: {bad}") from bad
    return client, str(client.base_url)


def _tls(settings: Settings) -> TLSConfig | bool:
    folder = Path(settings.cert_path) if settings.cert_path else None
    if settings.cert or settings.key or settings.ca:
        if not (settings.cert and settings.key and settings.ca):
            raise DaemonError("certMaterial, keyMaterial, and caMaterial must all be specified")
        if folder is not None:
            raise DaemonError("when using raw certificates, certPath must not be specified")
        folder = _written({"ca.pem": settings.ca, "cert.pem": settings.cert, "key.pem": settings.key})
    if folder is None:
        return False
    names = (str(folder / "cert.pem"), str(folder / "key.pem"))
    return TLSConfig(client_cert=names, ca_cert=str(folder / "ca.pem"), verify=True)


def _written(files: Mapping[str, str]) -> Path:
    """The files in a new folder that only we can read; OpenSSL takes certificates from files alone."""
    folder = Path(tempfile.mkdtemp(prefix="homeport-docker-tls-"))
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
        (folder / name).chmod(0o600)
    return folder


def ssh_command(host: str, options: tuple[str, ...]) -> list[str]:
    """The command that connects to another machine's daemon, as docker's client builds it (docker/cli, connhelper)."""
    address = urlsplit(host)
    if not address.hostname:
        raise DaemonError(f"unable to parse docker host `{host}`")
    if address.password:
        raise DaemonError("plain-text password is not supported")
    command = ["ssh"]
    if address.username:
        command += ["-l", address.username]
    if address.port:
        command += ["-p", str(address.port)]
    command += options
    if not any(option.lower().startswith("connecttimeout") for option in options):
        command += ["-o", "ConnectTimeout=30"]
    remote = ["docker", "system", "dial-stdio"]
    if address.path.strip("/"):
        remote.insert(1, f"--host=unix://{address.path}")
    return [*command, "-T", "--", address.hostname, *remote]


class SshBrokenError(ConnectionError):
    """An ssh connection that ended before the answer; `used`: one that had served before."""

    def __init__(self, message: str, *, used: bool) -> None:
        super().__init__(message)
        self.used = used


class _SshConnection(urllib3.connection.HTTPConnection):
    """One ssh process whose standard input and output are the connection."""

    def __init__(self, command: list[str], timeout: float | None) -> None:
        super().__init__("docker.invalid", timeout=timeout)
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._last_words = ""
        self._broken = False
        self._served = 0

    def connect(self) -> None:
        ours, theirs = socket.socketpair()
        errors = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the process)
        self._process = subprocess.Popen(
            self._command,
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=errors,
            start_new_session=True,
            env=_environment(),
        )
        theirs.close()
        ours.settimeout(self.timeout if isinstance(self.timeout, (int, float)) else None)
        self.sock = ours
        self._errors = errors
        self._served = 0

    def request(self, *arguments: Any, **named: Any) -> None:
        # An ssh that gives up at once resets the connection before the request is written.
        with self._explained():
            super().request(*arguments, **named)

    def getresponse(self) -> Any:
        with self._explained():
            response = super().getresponse()
        self._served += 1
        return response

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, urllib3.exceptions.HTTPError) as broken:
            self._broken, used = True, self._served > 0
            raise SshBrokenError(self._said() or str(broken), used=used) from None

    def _said(self) -> str:
        """What ssh printed before it went away; http.client has closed us by then, or the process is about to end."""
        if self._process is not None:
            self.close()
        return self._last_words

    def close(self) -> None:
        super().close()
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.wait(timeout=_LAST_WORDS if self._broken else _GRACE)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait()
        self._errors.seek(0)
        output = self._errors.read().decode(errors="replace").strip()
        self._errors.close()
        status = f"command [{' '.join(self._command)}] has exited with exit status {process.returncode}"
        self._last_words = f"{status}, stderr={output}"


def _environment() -> dict[str, str]:
    """The environment without DOCKER_HOST, which would send the remote command on to a third machine."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}


class _SshPool(urllib3.HTTPConnectionPool):
    def __init__(self, command: list[str], size: int) -> None:
        super().__init__("docker.invalid", maxsize=size, block=False, timeout=30)
        self._command = command

    def _new_conn(self) -> Any:
        return _SshConnection(self._command, 30)


class SshAdapter(HTTPAdapter):
    """Sends requests through ssh connections that are kept; as officially, one for every call under way (D1).

    Args:
        command: What connects.
        pool: How many are kept.
    """

    def __init__(self, command: list[str], pool: int) -> None:
        self._ssh = _SshPool(command, pool)
        super().__init__()

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> Any:
        """The one pool there is."""
        return self._ssh

    def request_url(self, request: Any, proxies: Any) -> str:
        """The path: the host name is made up."""
        return str(request.path_url)

    def close(self) -> None:
        """Ends all ssh processes."""
        super().close()
        self._ssh.close()
