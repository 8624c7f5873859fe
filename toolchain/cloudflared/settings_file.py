"""What a locally managed tunnel is told: `config.yml` and the credentials file that it names.

As cloudflared reads them. Source: its documentation of locally managed tunnels,
developers.cloudflare.com/cloudflare-one/networks/connectors/cloudflare-tunnel/do-more-with-tunnels/local-management.
An ingress setting that the stub does not know is an error: it would be obeyed by cloudflared and not here.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_TOP: Final = (
    "tunnel",
    "credentials-file",
    "ingress",
    "originRequest",
    "no-autoupdate",
    "metrics",
    "loglevel",
    "protocol",
)
_RULE: Final = ("hostname", "path", "service", "originRequest")
_ORIGIN: Final = (
    "access",
    "caPool",
    "connectTimeout",
    "disableChunkedEncoding",
    "httpHostHeader",
    "keepAliveConnections",
    "keepAliveTimeout",
    "noHappyEyeballs",
    "noTLSVerify",
    "tcpKeepAlive",
)


class SettingsError(Exception):
    """The configuration cannot be used; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Local:
    """A locally managed tunnel.

    Attributes:
        token: The tunnel's token, put together from its credentials.
        config: `ingress` and `originRequest`.
        metrics: `host:port` of `/ready`; empty for none.
    """

    token: str
    config: dict[str, Any]
    metrics: str


def read(path: str, credentials: str = "") -> Local:
    """Reads a configuration and its credentials.

    Args:
        path: `config.yml`.
        credentials: Credentials file in place of the one that the configuration names.

    Raises:
        SettingsError: A file is missing, no YAML or JSON, or says what the stub does not know.
    """
    config = checked(path)
    try:
        parts = json.loads(Path(credentials or str(config["credentials-file"])).read_text(encoding="utf-8"))
        named = {"a": parts["AccountTag"], "t": parts["TunnelID"], "s": parts["TunnelSecret"]}
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise SettingsError(f"{path}: its credentials-file cannot be used: {problem!r}") from problem
    if str(config.get("tunnel")) != str(named["t"]):
        raise SettingsError(f"{path}: tunnel {config.get('tunnel')!r} is not that of the credentials, {named['t']!r}")
    token = base64.b64encode(json.dumps(named, separators=(",", ":")).encode()).decode()
    kept: dict[str, Any] = {key: config[key] for key in ("ingress", "originRequest") if key in config}
    return Local(token, kept, str(config.get("metrics") or ""))


def checked(path: str) -> dict[str, Any]:
    """The configuration, its ingress rules looked through as `cloudflared tunnel ingress validate` does.

    Raises:
        SettingsError: As for `read`.
    """
    import yaml  # noqa: PLC0415  (only a local configuration needs it)

    try:
        config = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as problem:
        raise SettingsError(f"{path}: {problem}") from problem
    if not isinstance(config, dict) or not isinstance(config.get("ingress"), list) or not config["ingress"]:
        raise SettingsError(f"{path}: no ingress rules")
    _known(path, config, _TOP)
    _known(f"{path}: originRequest", config.get("originRequest") or {}, _ORIGIN)
    for number, rule in enumerate(config["ingress"], 1):
        where = f"{path}: Rule #{number}"
        _known(where, rule, _RULE)
        _known(where, rule.get("originRequest") or {}, _ORIGIN)
        everything = rule.get("hostname") in (None, "", "*") and not rule.get("path")
        if not rule.get("service"):
            raise SettingsError(f"{where} has no service")
        if everything != (number == len(config["ingress"])):
            raise SettingsError(f"{where}: the last rule, and only it, must match all URLs")
        _pattern(where, str(rule.get("path") or ""))
    return config


def _known(where: str, given: dict[str, Any], known: tuple[str, ...]) -> None:
    strange = sorted(set(given) - set(known))
    if strange:
        raise SettingsError(f"{where}: the stub does not know {', '.join(strange)}")


def _pattern(where: str, text: str) -> None:
    try:
        re.compile(text)
    except re.error as problem:
        raise SettingsError(f"{where}: path is no regular expression: {problem}") from problem


def seconds(value: Any) -> float:
    """A duration as cloudflared takes it: seconds as a number, or Go's `1m30s`.

    Raises:
        ValueError: It is neither.
    """
    if isinstance(value, int | float):
        return float(value)
    parts = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?", str(value))
    if not parts or not str(value):
        raise ValueError(f"{value!r} is no duration such as 10s")
    hours, minutes, rest = (float(part or 0) for part in parts.groups())
    return hours * 3600 + minutes * 60 + rest
