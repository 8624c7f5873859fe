"""Infisical through its own SDK, for one machine identity, one project, one environment, folder `/`.

Traps, each from Infisical/infisical at backend/src:

* values lose the spaces around them (server/routes/v3/deprecated-secret-router.ts: `trim`, a last newline stays);
* `${NAME}` in a value is a reference, and refused where there is no such secret
  (services/secret-v2-bridge/secret-v2-bridge-service.ts, `$validateSecretReferences`);
* who may see names only gets `<hidden-by-infisical>` and status 200 (services/secret/secret-fns.ts);
* a change can end as a request for approval, with status 200 too (the same router, `approval`);
* three wrong client secrets lock an identity for minutes (server/routes/v1/identity-universal-auth-router.ts).
"""

from __future__ import annotations

import ipaddress
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import requests
from infisical_sdk import InfisicalSDKClient
from infisical_sdk.infisical_requests import APIError, InfisicalError
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from infra_tools.console import USAGE, ToolError
from infra_tools.settings import IDENTITY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra_tools.console import Console
    from infra_tools.settings import Settings

_CONNECT, _ANSWER = 5.0, 30.0
"""Seconds. The SDK itself waits for ever."""
_REFERENCE: Final = re.compile(r"\$\{[a-zA-Z0-9\-_.@:]+\}")
# What JavaScript's `trim` takes away.
_BLANK: Final = " \t\n\r\v\f\u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(map(chr, range(0x2000, 0x200B)))
_UNAUTHORIZED, _FORBIDDEN, _MISSING, _TOO_MANY = 401, 403, 404, 429


@dataclass(frozen=True)
class Secret:
    """One secret.

    Attributes:
        value: With references filled in.
        own: Of this environment; otherwise it is imported from another.
    """

    value: str
    own: bool


def kept(value: str) -> str:
    """What Infisical keeps of a value."""
    inner = value.strip(_BLANK)
    return f"{inner}\n" if value.endswith("\n") else inner


def refers(value: str) -> bool:
    """Whether Infisical takes a part of a value for a reference to another secret."""
    return _REFERENCE.search(value) is not None


class _Patient(HTTPAdapter):
    """Waits as long as Infisical asks for, but not for ever, and gives up in words."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        # What was refused for too many calls was not done. A write whose answer was lost may be done: never twice.
        self._write = Retry(
            total=5, connect=2, read=0, status_forcelist=(429,), allowed_methods=None, backoff_factor=0.3
        )
        self._read = Retry(total=5, connect=2, read=2, status_forcelist=(429, 502, 503, 504), backoff_factor=0.3)

    def send(  # noqa: PLR0917  # requests' own signature
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Sends one request, and reads the whole answer."""
        self.max_retries = self._read if request.method == "GET" else self._write
        try:
            answer = super().send(request, stream, timeout or (_CONNECT, _ANSWER), verify, cert, proxies)
            # Here, and not later: an answer that breaks off is told like one that never came.
            _ = answer.content
        except requests.exceptions.RetryError:
            raise ToolError(f"{self._url} is too busy: it refused five times\nfix: try again in a minute") from None
        except requests.exceptions.SSLError:
            raise ToolError(
                f"{self._url} shows a certificate that this machine does not trust\n"
                "fix: export REQUESTS_CA_BUNDLE=/path/to/ca.pem"
            ) from None
        except requests.exceptions.RequestException as problem:
            raise ToolError(
                f"INFISICAL_API_URL: {self._url} does not answer ({type(problem).__name__})\n"
                f"fix: curl -fsS {self._url}/api/status"
            ) from None
        return answer


class Infisical:
    """A signed-in machine identity.

    Args:
        settings: The five variables.
        console: What must never show the secrets.

    Raises:
        ToolError: A variable is missing, nobody answers, or the identity is refused.
    """

    def __init__(self, settings: Settings, console: Console) -> None:
        wanted = settings.need(*IDENTITY)
        console.hide([wanted["INFISICAL_CLIENT_SECRET"]])
        self._console = console
        self._project, self._environment = wanted["INFISICAL_PROJECT_ID"], wanted["INFISICAL_ENVIRONMENT"]
        url = host(wanted["INFISICAL_API_URL"])
        _warn_of_plain(url, console)
        self._client = InfisicalSDKClient(host=url, cache_ttl=None)  # no cache, hence no thread
        session = self._client.api.session
        session.mount("http://", _Patient(url))
        session.mount("https://", _Patient(url))
        # Otherwise an entry of ~/.netrc for the host takes the place of the token.
        session.auth = lambda request: request
        session.max_redirects = 0
        with self._refusals("sign in"):
            self._client.auth.universal_auth.login(wanted["INFISICAL_CLIENT_ID"], wanted["INFISICAL_CLIENT_SECRET"])
        console.hide([self._client.get_token() or ""])

    def secrets(self) -> dict[str, Secret]:
        """All secrets of the environment by name, those that it imports too.

        Raises:
            ToolError: They cannot be read, or the identity may see names only.
        """
        with self._refusals("read the secrets"):
            answer = self._client.secrets.list_secrets(
                environment_slug=self._environment,
                secret_path="/",  # noqa: S106  # a folder's path
                project_id=self._project,
                expand_secret_references=True,
                include_imports=True,
            )
        rows = [(row, False) for one in answer.imports for row in one.secrets] + [(row, True) for row in answer.secrets]
        found, hidden = dict[str, Secret](), set[str]()
        for row, own in rows:
            about = row if isinstance(row, dict) else vars(row)
            if about.get("type", "shared") != "shared":
                continue
            name, value = str(about["secretKey"]), str(about.get("secretValue") or "")
            # What is imported last wins over what is imported first, and the environment's own over both.
            found[name] = Secret(value, own)
            (hidden.add if about.get("secretValueHidden") else hidden.discard)(name)
        self._console.hide(secret.value for secret in found.values())
        if hidden:
            raise ToolError(
                f"the machine identity may see these secrets, but not their values: {', '.join(sorted(hidden))}\n"
                f"fix: in project {self._project}, give its role the permission to read secret values"
            )
        return found

    def put(self, name: str, value: str, *, there: bool) -> None:
        """Creates or changes one secret of the environment itself.

        Args:
            name: Its name.
            value: Its value.
            there: Whether the environment has one of this name, imports aside.

        Raises:
            ToolError: Infisical refuses, or wants somebody's approval first.
        """
        where: dict[str, Any] = {
            "environment_slug": self._environment,
            "project_id": self._project,
            "secret_path": "/",
            "secret_value": value,
            # Otherwise `infisical export` turns each of its newlines into a backslash and an n.
            "skip_multiline_encoding": "\n" in value,
        }
        with self._refusals(f"write {name}"):
            try:
                if there:
                    self._client.secrets.update_secret_by_name(current_secret_name=name, **where)
                else:
                    self._client.secrets.create_secret_by_name(secret_name=name, **where)
            except KeyError:
                raise ToolError(
                    f"{name} is not written yet: a policy of the project asks for approval of changes\n"
                    "fix: let the change request be merged in Infisical, then run this again"
                ) from None

    @contextmanager
    def _refusals(self, what: str) -> Iterator[None]:
        try:
            yield
        except APIError as problem:
            raise ToolError(
                f"Infisical refuses to {what}: {problem.status_code} {_words(problem)}\n"
                f"fix: {_advice(problem.status_code, what)}"
            ) from None
        except requests.exceptions.TooManyRedirects:
            raise ToolError(
                "INFISICAL_API_URL leads elsewhere; the client secret is not sent on\n"
                "fix: export INFISICAL_API_URL=<the address that it leads to>"
            ) from None
        except (InfisicalError, ValueError, TypeError) as problem:
            raise ToolError(
                f"Infisical's answer to the wish to {what} is none of its API ({type(problem).__name__})\n"
                "fix: check INFISICAL_API_URL: is there Infisical, and no login page in front of it?"
            ) from None


def host(url: str) -> str:
    """Where Infisical is, without the `/api` that its command line wants behind it.

    Raises:
        ToolError: It is no URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ToolError(
            "INFISICAL_API_URL is no URL\nfix: export INFISICAL_API_URL=https://infisical.example.com", USAGE
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix('/api')}"


def _warn_of_plain(url: str, console: Console) -> None:
    parts = urlsplit(url)
    name = parts.hostname or ""
    try:
        private = ipaddress.ip_address(name).is_private
    except ValueError:
        # Names without a dot are those of containers in one network.
        private = "." not in name or name.endswith(".localhost")
    if parts.scheme == "http" and not private:
        console.warn(f"warning: {url} is not encrypted: whoever is between can read the secrets\nfix: use https://")


def _words(problem: APIError) -> str:
    message = problem.response.get("message") if isinstance(problem.response, dict) else ""
    if isinstance(message, list):
        # Of a refused field: where it is and why, never what it holds.
        return "; ".join(f"{'.'.join(map(str, row.get('path', [])))}: {row.get('message')}" for row in message)
    return str(message)[:500] if "<" not in str(message)[:1] else "(a page, no answer of its API)"


def _advice(status: int, what: str) -> str:
    if status == _UNAUTHORIZED and what == "sign in":
        return "check INFISICAL_CLIENT_ID and INFISICAL_CLIENT_SECRET; three wrong ones lock the identity for minutes"
    if status in (_UNAUTHORIZED, _FORBIDDEN):
        return "add the machine identity to the project, with a role that may do this in this environment"
    if status == _MISSING:
        return "check INFISICAL_PROJECT_ID and INFISICAL_ENVIRONMENT (the slug, not the name)"
    return "docker logs --tail 50 infisical-backend" if status >= 500 else "correct what it names, then run this again"  # noqa: PLR2004
