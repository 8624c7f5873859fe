"""The webhook: a signature first, then what the event says, then the queue.

Sources: docs.github.com/en/webhooks, "Validating webhook deliveries" (HMAC-SHA256 of the body as it came, in
hexadecimal digits behind ``sha256=``) and "Webhook events and payloads" (issues; the headers of a delivery).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import socket
import sqlite3
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from auto_fix_queue import Queue, Wish

if TYPE_CHECKING:
    from auto_fix_settings import Receiver as Settings

PATH = "/webhooks/github"
MOST_BYTES = 1024 * 1024
"""Of a body. An issue's text has at most 65,536 characters, and the rest of the event some kilobytes."""
_LACKS = "it lacks what an event about an issue has"
_TRUSTED = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
_DELIVERY = re.compile(r"[0-9A-Za-z-]{1,64}")
_BRANCH = re.compile(r"(?!-)(?!.*\.\.)[A-Za-z0-9._/-]{1,200}")
_MOST_CALLERS = 16
_SECONDS = 10
"""For a call to come in whole. GitHub waits no longer for its answer."""
_MOST_NUMBER = 2**63 - 1
"""Of an issue; the queue has no room for more."""
_LONGEST_TITLE, _LONGEST_TEXT = 300, 65536


class NoWishError(Exception):
    """The event asks for nothing; the text says why."""


def signed(secret: bytes, body: bytes, signature: str) -> bool:
    """Whether a signature is that of a body; in a time that does not tell how much of it is right."""
    expected = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "surrogateescape"))


def wish(settings: Settings, event: str, payload: Any) -> Wish:
    """What a signed event asks for.

    Raises:
        NoWishError: Nothing.
    """
    if event != "issues":
        raise NoWishError(f"event {event!r} is not about issues")
    try:
        return _issue(settings, payload)
    except (AttributeError, KeyError, RecursionError, TypeError):
        raise NoWishError(_LACKS) from None


def _issue(settings: Settings, payload: Any) -> Wish:
    issue, repository, action = payload["issue"], payload["repository"], payload["action"]
    name, labels = str(repository["full_name"]).lower(), [str(label["name"]) for label in issue["labels"]]
    number, branch = issue["number"], repository["default_branch"]
    author, sender = issue["user"]["login"], payload["sender"]["login"]
    if name not in settings.repositories or repository.get("archived"):
        raise NoWishError("not one of the repositories that are worked on")
    if settings.label not in labels or action not in {"opened", "labeled"}:
        raise NoWishError("the label was not put on it")
    if action == "labeled" and (payload.get("label") or {}).get("name") != settings.label:
        raise NoWishError("another label was put on it")
    if issue.get("state") != "open" or issue.get("pull_request"):
        raise NoWishError("it is no open issue")
    # An issue's template puts labels on it for whoever opens it; to label somebody else's takes rights.
    if (action == "opened" or author == sender) and issue.get("author_association") not in _TRUSTED:
        raise NoWishError("whoever opened it has no rights in the repository")
    if type(number) is not int or not 0 < number <= _MOST_NUMBER or not _BRANCH.fullmatch(branch):
        raise NoWishError(_LACKS)
    title, text = _text(issue.get("title"), _LONGEST_TITLE), _text(issue.get("body"), _LONGEST_TEXT)
    return Wish(repository=name, issue=number, title=title, body=text, branch=branch)


def _text(value: Any, most: int) -> str:
    # JSON may have half of a character in it, which no file takes.
    return str(value or "")[:most].encode("utf-8", "replace").decode()


def _hang_up(request: socket.socket) -> None:
    """What is read of a caller from now on ends at once; an answer still goes out."""
    with suppress(OSError):
        request.shutdown(socket.SHUT_RD)


class Server(ThreadingHTTPServer):
    """Listens from the start; `serve_forever` serves.

    Args:
        settings: Its settings.
        version: What `/health` says.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, settings: Settings, version: str) -> None:
        self.settings, self.version = settings, version
        self.queue = Queue(settings.queue)
        self.callers = threading.BoundedSemaphore(_MOST_CALLERS)
        super().__init__((settings.address, settings.port), Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread of its own, while there are not too many of them."""
        if not self.callers.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """One caller, for a while, and then room for another."""
        # A limit of each read would let who sends a byte now and then stay for days.
        late = threading.Timer(_SECONDS, _hang_up, (request,))
        late.daemon = True
        late.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            late.cancel()
            self.callers.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  # its signature
        """A caller that has gone is a line, and nothing else ends because of it."""
        print(f"{client_address[0]} {type(sys.exception()).__name__}", flush=True)


class Handler(BaseHTTPRequestHandler):
    """One call."""

    server: Server
    server_version, sys_version = "auto-fix", ""
    timeout = _SECONDS

    def do_GET(self) -> None:  # the name that http.server asks for
        """`/health`."""
        if self.path == "/health":
            self._answer(200, status="ok", service="auto-fix", version=self.server.version)
        else:
            self._answer(404, error="there is no such path")

    def do_POST(self) -> None:  # the same
        """The signature before all else."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or self.headers.get("Transfer-Encoding"):
            self._answer(411, error="a body's length is asked for")
            return
        if len(length) > len(str(MOST_BYTES)) or int(length) > MOST_BYTES:
            self._answer(413, error=f"a body has at most {MOST_BYTES} bytes")
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self._answer(408, error="the body did not come whole, or not in time")
            return
        signatures = self.headers.get_all("X-Hub-Signature-256") or []
        if len(signatures) != 1 or not signed(self.server.settings.secret, body, signatures[0]):
            self._answer(401, error="the signature is missing or wrong")
            return
        self._signed(body)

    def _signed(self, body: bytes) -> None:
        if self.path != PATH:
            self._answer(404, error="there is no such path")
            return
        delivery, event = self.headers.get("X-GitHub-Delivery", ""), self.headers.get("X-GitHub-Event", "")
        if not _DELIVERY.fullmatch(delivery):
            self._answer(400, error="X-GitHub-Delivery is missing or no id")
            return
        if self.headers.get_content_type() != "application/json":
            self._answer(415, error="fix: choose the content type application/json in the webhook's page at GitHub")
            return
        if event == "ping":
            self._answer(200, status="pong")
            return
        try:
            payload = json.loads(body)
        except (ValueError, RecursionError):
            self._answer(400, error="the body is no JSON")
            return
        try:
            asked, why = wish(self.server.settings, event, payload), "its issue has a job, or a pull request"
        except NoWishError as reason:
            asked, why = None, str(reason)
        try:
            number = self.server.queue.deliver(delivery, hashlib.sha256(body).hexdigest(), asked)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            print(f"the queue: {error}", flush=True)
            self._answer(503, error="the queue cannot be written; nothing was begun: deliver it again")
            return
        if number is None:
            self._answer(200, status="known", delivery=delivery)
        elif not number:
            self._answer(200, status="ignored", why=why)
        else:
            self._answer(202, status="queued", job=number)

    def _answer(self, code: int, /, **body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        # What was not read of a body must not be read as the next call.
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002  # its signature
        """A line for the journal, with nothing in it that the caller could make long or break."""
        print(f"{self.client_address[0]} {self.command[:8]!r} {self.path[:80]!r} {int(code)}", flush=True)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its signature
        """The same for what http.server has to say."""
        print(f"{self.client_address[0]} {(format % args)[:200]!r}", flush=True)
