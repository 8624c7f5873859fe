"""What the environment tells the program; each secret as a variable, or better as a file named by ``<NAME>_FILE``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

LEAST_TOKEN = 32
"""Characters that a bearer token has at least."""
_PLACEHOLDERS = re.compile(r"your|change|example|placeholder|secret|token|replace", re.IGNORECASE)
_HERE = ("localhost", "127.0.0.1", "::1", "ai-dev-server")


class SettingsError(ValueError):
    """A variable is not what it must be; the text says which, what is wrong, and how to mend it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the environment says.

    Attributes:
        tokens: Who may call, by a name for each: the content of MCP_BEARER_TOKEN.
        host_agent_token: HOST_AGENT_BEARER_TOKEN, what HostAgent asks for; empty: its tools say that it is missing.
        host_agent_url: HOST_AGENT_URL.
        n8n_api_key: N8N_API_KEY; empty: n8n's tools say that it is missing.
        n8n_url: N8N_BASE_URL.
        hosts: Host names by which this server may be called: that of PUBLIC_BASE_URL, those of ALLOWED_HOSTS (with a
            comma between two), and its own names.
        docs: DOCS. ``bearer``: the pages /docs and /openapi.json ask for the token as all others do; ``open``: they are
            there for everybody, for a machine of one's own.
        port: PORT that it listens on.
    """

    tokens: Mapping[str, str]
    host_agent_token: str = ""
    host_agent_url: str = "http://host.docker.internal:9000"
    n8n_api_key: str = ""
    n8n_url: str = "http://n8n:5678"
    hosts: frozenset[str] = frozenset(_HERE)
    docs: Literal["bearer", "open"] = "bearer"
    port: int = 8080

    @property
    def secrets(self) -> tuple[str, ...]:
        """Everything that may never be in an answer."""
        return tuple(filter(None, (*self.tokens.values(), self.host_agent_token, self.n8n_api_key)))


def settings(env: Mapping[str, str]) -> Settings:
    """The settings in an environment.

    Raises:
        SettingsError: One of them is wrong.
    """
    token = _secret(env, "MCP_BEARER_TOKEN")
    # A placeholder of an example file is made of words; a random token as long as this is not.
    if len(token) < LEAST_TOKEN or not token.isascii() or _PLACEHOLDERS.search(token):
        wrong = "is not set" if not token else "is a placeholder, or has less than 32 characters of ASCII"
        raise SettingsError(f"MCP_BEARER_TOKEN {wrong}\nfix: export MCP_BEARER_TOKEN=$(openssl rand -hex 32)")
    docs = env.get("DOCS") or "bearer"
    if docs not in {"bearer", "open"}:
        raise SettingsError("DOCS is neither bearer nor open\nfix: unset DOCS")
    port = env.get("PORT") or "8080"
    if not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise SettingsError("PORT is no number from 1 to 65535\nfix: unset PORT")
    public = urlsplit(_url(env, "PUBLIC_BASE_URL", "http://localhost:8080"))
    named = (name.strip().lower() for name in env.get("ALLOWED_HOSTS", "").split(","))
    return Settings(
        tokens={"assistant": token},
        host_agent_token=_secret(env, "HOST_AGENT_BEARER_TOKEN"),
        host_agent_url=_url(env, "HOST_AGENT_URL", "http://host.docker.internal:9000"),
        n8n_api_key=_secret(env, "N8N_API_KEY"),
        n8n_url=_url(env, "N8N_BASE_URL", "http://n8n:5678"),
        hosts=frozenset(filter(None, (*_HERE, public.hostname or "", *named))),
        docs="open" if docs == "open" else "bearer",
        port=int(port),
    )


def _secret(env: Mapping[str, str], name: str) -> str:
    """A secret; it may become a header's value, so it is printable ASCII without spaces."""
    file = env.get(f"{name}_FILE", "")
    try:
        text = (Path(file).read_text(encoding="ascii") if file else env.get(name, "")).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not ASCII"
        raise SettingsError(f"{name}_FILE: {file}: {reason}\nfix: ls -l {file}") from None
    if not all(33 <= ord(letter) < 127 for letter in text):  # noqa: PLR2004  # the printable ones, without the space
        raise SettingsError(f"{name} has characters that no header may have\nfix: set {name} anew")
    return text


def _url(env: Mapping[str, str], name: str, default: str) -> str:
    url = (env.get(name) or default).rstrip("/")
    try:
        parts = urlsplit(url)
        right = parts.scheme in {"http", "https"} and parts.hostname and not parts.username and parts.port != 0
    except ValueError:
        right = False
    if not right or parts.query or parts.fragment:
        raise SettingsError(f"{name} is no address of a service\nfix: export {name}={default}")
    return url
