"""The Docker daemon behind one provider: docker-py's transports, the daemon's own words in errors."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from toolchain.plugins.tfbridge.errors import RemoteError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from requests import Response, Session

# Newer daemons still serve this version; what it lacks (volume sub-paths) is refused, as the official plugin refuses
# it.
NEWEST_API: Final = "1.47"
POOL: Final = 16  # operations that the engine runs at once by default
CONNECT_TIMEOUT: Final = 30.0
# Building and pulling take long; the engine's own time limit or Ctrl-C ends a call that hangs.
READ_TIMEOUT: Final = 1200.0
_HARMLESS: Final = ("GET", "HEAD")


class DaemonError(RemoteError):
    """An answer of the daemon that is no success, or no answer at all.

    Args:
        message: What the official client would print.
        status: HTTP status, 0 when the daemon was not reached.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status

    @property
    def gone(self) -> bool:
        """Whether the daemon has no such object."""
        return self.status == HTTPStatus.NOT_FOUND


@dataclass(frozen=True, slots=True)
class Settings:
    """How to reach the daemon: the provider's configuration.

    Attributes:
        host: unix://, tcp:// or ssh:// address; empty for the default socket.
        ssh_opts: Arguments for ssh, as given.
        ca: PEM text of the authority, cert and key beside it; all or none.
        cert_path: Folder with ca.pem, cert.pem and key.pem.
        check: Whether to ask the daemon before anything else.
        auth: Registry address to credentials.
    """

    host: str = ""
    ssh_opts: tuple[str, ...] = ()
    ca: str = ""
    cert: str = ""
    key: str = ""
    cert_path: str = ""
    check: bool = True
    auth: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class Daemon:
    """Calls to one daemon; safe to use from many threads, connected at the first call.

    Args:
        settings: Where it is.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._base = ""
        self._version = ""

    def _connected(self) -> tuple[Session, str]:
        with self._lock:
            if self._session is None:
                # docker-py takes 0.3 s to load.
                from toolchain.plugins.docker.transport import open_session  # noqa: PLC0415

                session, self._base = open_session(self.settings, POOL)
                self._session = session
            if not self._version:
                self._version = self._negotiated(self._session)
            return self._session, f"{self._base}/v{self._version}"

    def _negotiated(self, session: Session) -> str:
        response = _sent(self.settings.host, session, "GET", f"{self._base}/_ping", {})
        offered = response.headers.get("Api-Version", NEWEST_API)
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            raise DaemonError(f"Error response from daemon: {response.text.strip()}", response.status_code)
        return min(offered, NEWEST_API, key=lambda v: [int(part) for part in v.split(".")])

    @property
    def version(self) -> str:
        """The protocol version spoken with this daemon."""
        self._connected()
        return self._version

    def ping(self) -> None:
        """Raises `DaemonError` when the daemon does not answer."""
        self._connected()

    def close(self) -> None:
        """Ends all connections."""
        with self._lock:
            if self._session is not None:
                self._session.close()
            self._session = None

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """One call; the decoded answer, None when there is none.

        Args:
            method: HTTP method.
            path: Path below the version.
            body: JSON body, or bytes.
            **options: `params`, `headers`, `timeout` in seconds.
        """
        response = self._response(method, path, body, options)
        return response.json() if response.content else None

    def find(self, path: str) -> dict[str, Any] | None:
        """The object at `path`, None when there is none."""
        try:
            return dict(self.call("GET", path))
        except DaemonError as refused:
            if refused.gone:
                return None
            raise

    def stream(self, method: str, path: str, body: Any = None, **options: Any) -> Iterator[dict[str, Any]]:
        """One call that answers a message per line as long as it lasts."""
        with self._response(method, path, body, {**options, "stream": True}) as response:
            for line in response.iter_lines():
                if line:
                    yield json.loads(line)

    def raw(self, method: str, path: str, **options: Any) -> bytes:
        """One call; the answer's bytes."""
        return bytes(self._response(method, path, None, options).content)

    def _response(self, method: str, path: str, body: Any, options: dict[str, Any]) -> Response:
        session, base = self._connected()
        if isinstance(body, bytes):
            options["data"] = body
        elif body is not None:
            options["json"] = body
        response = _sent(self.settings.host, session, method, base + path, options)
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            raise DaemonError(f"Error response from daemon: {_message(response)}", response.status_code)
        return response


def _sent(host: str, session: Session, method: str, url: str, options: dict[str, Any]) -> Response:
    import requests  # noqa: PLC0415  (only once a daemon is called at all)

    timeout = (CONNECT_TIMEOUT, options.pop("timeout", READ_TIMEOUT))
    try:
        try:
            return session.request(method, url, timeout=timeout, **options)
        except requests.exceptions.ConnectionError as lost:
            # As Go's own client does (net/http, shouldRetryRequest): what only reads is asked again when a kept
            # connection had died.
            if method not in _HARMLESS or not getattr(_root(lost), "used", False):
                raise
            return session.request(method, url, timeout=timeout, **options)
    except requests.exceptions.ReadTimeout as late:
        raise DaemonError("context deadline exceeded") from late
    except requests.exceptions.RequestException as gone:
        where = host or "unix:///var/run/docker.sock"
        raise DaemonError(
            f"Cannot connect to the Docker daemon at {where}. Is the docker daemon running? ({_cause(gone)})"
        ) from gone


def _cause(error: BaseException) -> str:
    """The innermost reason, where ssh or the socket said something."""
    return str(_root(error))


def _root(error: BaseException) -> BaseException:
    while (inner := error.__cause__ or (None if error.__suppress_context__ else error.__context__)) is not None:
        error = inner
    return error


def _message(response: Response) -> str:
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return response.text.strip()
