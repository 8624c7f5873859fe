"""What a tag means in its registry today: one request, and one more for a token where it asks for that.

Source: github.com/opencontainers/distribution-spec (spec.md, "Pulling manifests") and distribution/distribution
docs/content/spec/auth/token.md. Without credentials: what only an account may see has its digest from the daemon that
pulled it, or from the settings.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from homeport.model.image import parts

if TYPE_CHECKING:
    from email.message import Message

_HUB = "registry-1.docker.io"
_SECONDS = 15
_ACCEPT = (
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def manifest_url(image: str) -> str:
    """Where the manifest of a reference with a tag is, as Docker reads its parts."""
    repository, tag, _ = parts(image)
    host, slash, rest = repository.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost"):
        host, rest = _HUB, repository if slash else f"library/{repository}"
    elif host in {"docker.io", "index.docker.io"}:
        host, rest = _HUB, rest if "/" in rest else f"library/{rest}"
    return f"https://{host}/v2/{rest}/manifests/{tag or 'latest'}"


def digest(image: str) -> str:
    """The digest of a tag; ValueError or OSError where nobody says it."""
    url = manifest_url(image)
    try:
        answer = _head(url, {})
    except urllib.error.HTTPError as refused:
        if refused.code != HTTPStatus.UNAUTHORIZED:
            raise
        answer = _head(url, {"Authorization": f"Bearer {_token(refused.headers.get('WWW-Authenticate', ''))}"})
    found = answer.get("Docker-Content-Digest", "")
    if not _DIGEST.fullmatch(found):
        raise ValueError(f"{url} names no digest")
    return found


def _head(url: str, headers: dict[str, str]) -> Message:
    request = urllib.request.Request(url, headers={"Accept": _ACCEPT, **headers}, method="HEAD")  # noqa: S310  # https
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310  # https
        head: Message = answer.headers
    return head


def _token(challenge: str) -> str:
    fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    realm = fields.pop("realm", "")
    if not realm.startswith("https://"):
        raise ValueError("the registry asks for another login than a token over HTTPS")
    with urllib.request.urlopen(f"{realm}?{urlencode(fields)}", timeout=_SECONDS) as answer:  # noqa: S310  # https, as was just looked at
        document = json.loads(answer.read())
    return str(document.get("token") or document.get("access_token") or "")
