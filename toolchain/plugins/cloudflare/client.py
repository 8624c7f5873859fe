"""The official client, made when the first call needs it: importing it takes a third of a second."""

from __future__ import annotations

import http
import threading
from typing import TYPE_CHECKING, Any

from toolchain.plugins.base import ProviderError

if TYPE_CHECKING:
    import cloudflare

    from toolchain.plugins.base import Props


class NotFoundError(ProviderError):
    """The API says that there is no such thing."""


class Client:
    """Calls of the API v4 on behalf of the resources."""

    def __init__(self) -> None:
        self._settings: Props = {}
        self._made: cloudflare.Cloudflare | None = None
        self._lock = threading.Lock()

    def configure(self, settings: Props) -> None:
        """Takes the provider's settings."""
        with self._lock:
            self._settings, self._made = settings, None

    def close(self) -> None:
        """Closes the connections."""
        with self._lock:
            if self._made is not None:
                self._made.close()
            self._made = None

    def _client(self) -> cloudflare.Cloudflare:
        import cloudflare  # noqa: PLC0415  (a third of a second, spent only by programs that use Cloudflare)

        with self._lock:
            if self._made is None:
                self._made = cloudflare.Cloudflare(
                    api_token=self._settings.get("apiToken"),
                    api_key=self._settings.get("apiKey"),
                    api_email=self._settings.get("email"),
                    user_service_key=self._settings.get("apiUserServiceKey"),
                    base_url=self._settings.get("baseUrl"),
                )
            return self._made

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The `result` of one call.

        Raises:
            NotFoundError: The answer is 404.
            ProviderError: Any other failure, in the words of the official plugin.
        """
        import cloudflare  # noqa: PLC0415
        import httpx  # noqa: PLC0415

        client = self._client()
        calls: dict[str, Any] = {"POST": client.post, "PUT": client.put, "PATCH": client.patch, "DELETE": client.delete}
        try:
            if method == "GET":
                answer = client.get(path, cast_to=httpx.Response)
            else:
                answer = calls[method](path, body=body, cast_to=httpx.Response)
        except cloudflare.APIStatusError as problem:
            raise _failure(method, problem.response) from None
        except cloudflare.APIError as problem:
            raise ProviderError(f'failed to make http request: {method} "{problem.request.url}": {problem}') from None
        try:
            return answer.json()["result"]
        except (ValueError, KeyError, TypeError) as problem:
            raise ProviderError(f"failed to deserialize http request: {method} {path}: {problem}") from None


def _failure(method: str, answer: Any) -> ProviderError:
    kind = NotFoundError if answer.status_code == http.HTTPStatus.NOT_FOUND else ProviderError
    phrase = f"{answer.status_code} {answer.reason_phrase}"
    return kind(f'failed to make http request: {method} "{answer.request.url}": {phrase} {answer.text}'.rstrip())
