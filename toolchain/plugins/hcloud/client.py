"""The connection to the cloud: Hetzner's Python client, its errors in Pulumi's words, waiting for actions."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import requests
from hcloud import APIException, Client

from toolchain.plugins import context
from toolchain.plugins.tfbridge.errors import RemoteError

if TYPE_CHECKING:
    from collections.abc import Callable

Row = dict[str, Any]
# Seconds to connect and to wait for an answer; the client itself knows no limit.
_TIMEOUT: Final = (10.0, 60.0)
_PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class CloudError(RemoteError):
    """The cloud said no, or did not answer.

    Args:
        message: What to show.
        code: The API's error code, empty without an answer.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code

    @property
    def gone(self) -> bool:
        """Whether the cloud has no such resource."""
        return self.code == "not_found"


class Cloud:
    """One project of the cloud.

    Args:
        token: The API token.
        endpoint: Address of the API with its version, empty for Hetzner's own.
        interval: Seconds between two looks at a running action.
        exponential: Whether each wait is twice as long as the one before, up to a minute.
    """

    def __init__(self, token: str, endpoint: str = "", interval: float = 0.5, *, exponential: bool = False) -> None:
        more: Row = {"api_endpoint": endpoint.rstrip("/")} if endpoint else {}
        self._client = Client(token, timeout=_TIMEOUT, application_name="homeport-rehearsal", **more)
        if urlsplit(endpoint).hostname in _LOOPBACK:
            # requests would send even this through HTTP_PROXY; Go's client, and so the official plugin, does not.
            self._client._client._session.trust_env = False  # noqa: SLF001  (the client offers no other way)
        self._interval, self._exponential = interval, exponential

    def call(self, method: str, path: str, body: Row | None = None, **query: Any) -> Row:
        """One request; the JSON of the answer. Raises `CloudError`."""
        context.current().check_cancelled()
        more: Row = {"json": body} if body is not None else {}
        if query:
            more["params"] = dict(sorted(query.items()))
        try:
            return self._client.request(method, path, **more)
        except APIException as refusal:
            raise CloudError(_worded(refusal), str(refusal.code)) from refusal
        except requests.RequestException as broken:
            raise CloudError(f"{method} {path}: {broken}") from broken

    def find(self, path: str, key: str) -> Row | None:
        """The one row at `path`, None when there is none; `key` is its name in the answer."""
        try:
            row: Row = self.call("GET", path)[key]
        except CloudError as missing:
            if missing.gone:
                return None
            raise
        return row

    def every(self, path: str, key: str, **query: Any) -> list[Row]:
        """The rows of all pages of a list; `key` is its name in the answer."""
        rows: list[Row] = []
        page: int | None = 1
        while page is not None:
            answer = self.call("GET", path, page=page, per_page=50, **query)
            rows += answer[key]
            page = answer["meta"]["pagination"]["next_page"]
        return rows

    def act(self, path: str, body: Row | None = None) -> None:
        """Starts an action and waits for its end. Raises `CloudError` when it fails."""
        self._patiently(lambda: self.wait(self.call("POST", path, {} if body is None else body)))

    @staticmethod
    def _patiently(work: Callable[[], None]) -> None:
        """Tries again while another action has the resource locked, each time after twice as long."""
        for pause in (*_PAUSES, None):
            try:
                return work()
            except CloudError as problem:
                if pause is None or problem.code != "locked":
                    raise
                context.current().sleep(pause)
        return None

    def protect(self, path: str, **locks: bool) -> None:
        """Sets or lifts the protection of the resource at `path`: `delete`, of a server `rebuild` as well."""
        self.act(f"{path}/actions/change_protection", locks)

    def wait(self, answer: Row) -> None:
        """Waits for all actions in an answer; one that has ended already is not asked for again."""
        actions = [*answer.get("actions", []), *answer.get("next_actions", [])]
        if answer.get("action"):
            actions.append(answer["action"])
        pause, call = self._interval, context.current()
        while True:
            for action in actions:
                if action["status"] == "error":
                    problem = action["error"]
                    raise CloudError(f"{problem['message']} ({problem['code']}, {action['id']})", problem["code"])
            running = [action["id"] for action in actions if action["status"] == "running"]
            if not running:
                return
            call.sleep(pause)
            pause = min(60.0, pause * 2) if self._exponential else pause
            actions = self.call("GET", "/actions", id=running)["actions"]

    def delete(self, path: str) -> None:
        """Removes what is at `path` and waits; what is gone is no error."""
        try:
            self._patiently(lambda: self.wait(self.call("DELETE", path)))
        except CloudError as problem:
            if not problem.gone:
                raise


def _worded(refusal: APIException) -> str:
    if isinstance(refusal.code, int) and refusal.code < HTTPStatus.BAD_REQUEST:
        # The client reports these by their reason: "Created (201)".
        return f"the answer is cut off or no JSON, so what was asked for may be done ({refusal.code})"
    details = refusal.details if isinstance(refusal.details, dict) else {}
    fields = [f"{row['name']} => {row['messages']}" for row in details.get("fields") or [] if row.get("messages")]
    return f"{refusal.message} ({refusal.code})" + (f": [{', '.join(fields)}]" if fields else "")
