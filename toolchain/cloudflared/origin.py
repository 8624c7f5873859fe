"""The connector's side of a request: which ingress rule it falls under, and the call to the service behind it."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from toolchain.cloudflared.assertions import accepted
from toolchain.cloudflared.settings_file import seconds
from toolchain.cloudflared.wire import DATA, END, HEAD, PIECE, RESET, ClosedError

if TYPE_CHECKING:
    from toolchain.cloudflared.wire import Stream

_CONNECT: Final = 30.0
_ANSWER: Final = 90.0
_SWITCHING: Final = 101
_HOP_BY_HOP: Final = ("keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding")
_STATUS: Final = re.compile(r"http_status:(\d{3})")


def rule_for(rules: list[dict[str, Any]], host: str, path: str) -> dict[str, Any]:
    """The first rule that fits; without any rule cloudflared answers 503, so does this.

    Args:
        rules: In their order.
        host: The host name, without a port.
        path: Decoded, as Go's ``URL.Path`` is (cloudflared, proxy/proxy.go).
    """
    for rule in rules:
        name = rule.get("hostname") or "*"
        fits = name in ("*", host) or (name.startswith("*.") and host.endswith(name[1:]))
        if fits and re.search(rule.get("path") or "", path):
            return rule
    return {"service": "http_status:503"}


class Origin:
    """The services behind a tunnel, by its own file or by the configuration that the edge sent last.

    Args:
        local: What the file of a locally managed tunnel says. As with cloudflared, one that was put by the API outdoes
            it.
    """

    def __init__(self, local: dict[str, Any] | None = None) -> None:
        self._lock = threading.Lock()
        self._version, self._config, self._keys = -1, local or {}, list[dict[str, Any]]()
        self._own = local is not None

    def configure(self, news: dict[str, Any]) -> None:
        """Takes a configuration that is not older than the one there is; one connection may be slower than another."""
        with self._lock:
            if news["version"] < self._version:
                return
            self._version, self._keys = news["version"], news["keys"]
            if news["version"] > 0 or not self._own:
                self._config = news["config"]

    def serve(self, stream: Stream, request: dict[str, Any]) -> None:
        """Answers one request; fails with `ClosedError` when nobody waits any more."""
        with self._lock:
            config, keys = self._config, self._keys
        path = unquote(urlsplit(request["target"]).path)
        rule = rule_for(config.get("ingress") or [], request["host"], path)
        options = {**(config.get("originRequest") or {}), **(rule.get("originRequest") or {})}
        if not _may_pass(options.get("access") or {}, keys, request):
            _say(stream, 403, b"")
            return
        fixed = _STATUS.fullmatch(rule["service"])
        if fixed:
            _say(stream, int(fixed[1]), b"")
            return
        try:
            self._call(stream, request, rule["service"], options)
        except (OSError, http.client.HTTPException, ValueError) as problem:
            _say(stream, 502, f"connector stub: unable to reach the origin service: {problem}\n".encode())

    def _call(self, stream: Stream, request: dict[str, Any], service: str, options: dict[str, Any]) -> None:
        link = connection(service, options)
        try:
            link.putrequest(request["method"], request["target"], skip_host=True, skip_accept_encoding=True)
            link.putheader("Host", options.get("httpHostHeader") or request["host"])
            for name, value in request["headers"]:
                if name.lower() not in (*_HOP_BY_HOP, "content-length"):
                    link.putheader(name, value)
            if request["length"] or request["method"] in ("POST", "PUT", "PATCH"):
                link.putheader("Content-Length", str(request["length"]))
            link.endheaders()
            if not request["upgrade"]:
                _send_body(stream, link)
            _answer(stream, link)
        finally:
            link.close()


def connection(service: str, options: dict[str, Any]) -> http.client.HTTPConnection:
    """A connection to a service; fails with ValueError for a kind of service that the stub does not know."""
    where, wait = urlsplit(service), seconds(options.get("connectTimeout") or _CONNECT)
    if where.scheme == "http" and where.hostname:
        return http.client.HTTPConnection(where.hostname, where.port or 80, timeout=wait)
    if where.scheme == "https" and where.hostname:
        context = ssl.create_default_context(cafile=options.get("caPool") or None)
        if options.get("noTLSVerify"):
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection(where.hostname, where.port or 443, timeout=wait, context=context)
    if where.scheme == "unix":
        link = http.client.HTTPConnection("localhost", timeout=wait)
        link.sock = socket.socket(socket.AF_UNIX)
        link.sock.connect(where.path)
        return link
    raise ValueError(f"the stub knows http, https, unix and http_status services, not {service!r}")


def _may_pass(access: dict[str, Any], keys: list[dict[str, Any]], request: dict[str, Any]) -> bool:
    if not access.get("required"):
        return True
    shown = [value for name, value in request["headers"] if name.lower() == "cf-access-jwt-assertion"]
    return len(shown) == 1 and accepted(shown[0], keys, access["teamName"], access.get("audTag") or [], time.time())


def _say(stream: Stream, status: int, body: bytes) -> None:
    stream.send_json(HEAD, {"status": status, "headers": [("Content-Length", str(len(body)))]})
    stream.send(DATA, body)
    stream.send(END)


def _send_body(stream: Stream, link: http.client.HTTPConnection) -> None:
    while True:
        kind, payload = stream.next()
        if kind == END:
            return
        link.send(payload)


def _answer(stream: Stream, link: http.client.HTTPConnection) -> None:
    if link.sock:
        link.sock.settimeout(_ANSWER)
    # getresponse lets go of the socket when the answer ends with the connection.
    sock = link.sock
    answer = link.getresponse()
    head = json.dumps({"status": answer.status, "headers": answer.getheaders()}).encode()
    stream.send(HEAD, head)
    if answer.status == _SWITCHING:
        sock.settimeout(None)
        threading.Thread(target=_down, args=(stream, sock), daemon=True).start()
        while piece := answer.fp.read1(PIECE):
            stream.send(DATA, piece)
    else:
        try:
            while piece := answer.read1(PIECE):
                stream.send(DATA, piece)
        except (OSError, http.client.HTTPException) as broken:
            # The head is gone already: only breaking off tells the visitor that the body is not whole.
            stream.send(RESET)
            raise ClosedError(str(broken)) from broken
    stream.send(END)


def _down(stream: Stream, sock: socket.socket) -> None:
    """What the visitor of an upgraded connection sends."""
    try:
        while True:
            kind, payload = stream.next()
            if kind == END:
                break
            sock.sendall(payload)
        sock.shutdown(socket.SHUT_WR)
    except (ClosedError, OSError):
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return
