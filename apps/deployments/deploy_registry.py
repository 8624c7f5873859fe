"""The registry of this host: what it keeps, how old that is, and what may go.

Its API: distribution/distribution, docs/content/spec/api.md. How it gets rid of something: deploy_collect.
"""

from __future__ import annotations

import base64
import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from deploy_engine import DeployError
from deploy_rollout import MARKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from deploy_engine import Engine, Record

_MANIFESTS: Final = (
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.index.v1+json"
)
_NOT_FOUND: Final = 404
_SECONDS: Final = 30
_NO_DATE: Final = "2000"
"""Dates before it are none: reproducible builds write 0001, 1970 or 1980."""
LATEST: Final = "latest"


@dataclass(frozen=True)
class Tag:
    """A tag of a repository.

    Attributes:
        name: The tag.
        digest: What it means; empty: nothing any more, for a collection was killed.
        created: When that was built, as RFC 3339 writes it; empty where nobody says: reproducible builds write 1970.
        parts: Digests of the images that an index stands for, one for each platform.
    """

    name: str
    digest: str
    created: str
    parts: tuple[str, ...] = ()


class Registry:
    """A registry by its API.

    Args:
        url: Where it answers.
        user: Who asks; empty: nobody asks who.
        password: The password.
    """

    def __init__(self, url: str, user: str = "", password: str = "") -> None:
        self._url = url.rstrip("/")
        self._headers = (
            {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()} if user else {}
        )

    def repositories(self) -> list[str]:
        """All repositories, in order of their names."""
        return sorted(self._paged("/v2/_catalog?n=100", "repositories"))

    def tags(self, repository: str) -> list[Tag]:
        """All tags of a repository, newest first."""
        names = self._paged(f"/v2/{repository}/tags/list?n=100", "tags")
        tags = [self._tag(repository, name) for name in names]
        return sorted(tags, key=lambda tag: (tag.created, tag.name), reverse=True)

    def _tag(self, repository: str, name: str) -> Tag:
        answer = self._ask("GET", f"/v2/{repository}/manifests/{name}", Accept=_MANIFESTS)
        if answer is None:
            return Tag(name, "", "")
        digest, manifest = answer[0].get("Docker-Content-Digest", ""), json.loads(answer[1])
        parts = tuple(str(part["digest"]) for part in manifest.get("manifests") or ())
        manifests = [manifest] if not parts else (self._manifest(repository, part) for part in parts)
        # What attests to a build has no date of its own.
        created = next(filter(None, (self._created(repository, content) for content in manifests)), "")
        return Tag(name, digest, created, parts)

    def _manifest(self, repository: str, digest: str) -> dict[str, Any]:
        answer = self._ask("GET", f"/v2/{repository}/manifests/{digest}", Accept=_MANIFESTS)
        manifest: dict[str, Any] = json.loads(answer[1]) if answer else {}
        return manifest

    def _created(self, repository: str, manifest: dict[str, Any]) -> str:
        config = (manifest.get("config") or {}).get("digest")
        blob = self._ask("GET", f"/v2/{repository}/blobs/{config}") if config else None
        created = str(json.loads(blob[1]).get("created") or "") if blob else ""
        return created if created >= _NO_DATE else ""

    def _paged(self, path: str, key: str) -> list[str]:
        rows: list[str] = []
        while path:
            answer = self._ask("GET", path)
            if answer is None:
                return rows
            rows += json.loads(answer[1]).get(key) or []
            # Link: </v2/_catalog?last=b&n=100>; rel="next"
            path = answer[0].get("Link", "").partition("<")[2].partition(">")[0]
        return rows

    def _ask(self, method: str, path: str, **headers: str) -> tuple[Mapping[str, str], bytes] | None:
        """Headers and body; None: there is no such thing."""
        request = urllib.request.Request(self._url + path, method=method, headers={**self._headers, **headers})  # noqa: S310  # an operator's own address
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310  # the same
                return answer.headers, answer.read()
        except urllib.error.HTTPError as problem:
            if problem.code == _NOT_FOUND:
                return None
            raise DeployError(
                f"registry {self._url}: {method} {path.partition('?')[0]}: status {problem.code}\n{_fix(problem.code)}"
            ) from None
        except OSError as problem:
            raise DeployError(f"registry {self._url} does not answer: {problem}\nfix: docker ps -a") from None


def _fix(status: int) -> str:
    if status in {401, 403}:
        return "fix: name user and password file: REGISTRY_USER=… REGISTRY_PASSWORD_FILE=…"
    return "fix: docker logs --tail 50 registry"


def from_environment() -> Registry:
    """The registry that the environment names, its password from a file.

    Raises:
        DeployError: The password's file cannot be read.
    """
    user, file = os.environ.get("REGISTRY_USER", ""), os.environ.get("REGISTRY_PASSWORD_FILE", "")
    try:
        password = Path(file).read_text(encoding="utf-8").strip() if file else ""
    except OSError as problem:
        raise DeployError(
            f"REGISTRY_PASSWORD_FILE: {problem.strerror}: {file}\nfix: run it as the file's owner"
        ) from None
    return Registry(os.environ.get("REGISTRY_URL", "http://127.0.0.1:5000"), user, password)


def used(engine: Engine) -> set[str]:
    """Digests of all images that a container of this host was made from, running or not, or that can be rolled back to.

    Raises:
        DeployError: Docker does not answer: then nothing may be deleted.
    """
    containers: list[Record] = engine.call("GET", "/containers/json", all="true")
    wanted = {row["ImageID"] for row in containers}
    images: list[Record] = engine.call("GET", "/images/json")
    wanted |= {row["Id"] for row in images if any(tag.startswith(f"{MARKS}/") for tag in row.get("RepoTags") or ())}
    return {
        digest.partition("@")[2] for row in images if row["Id"] in wanted for digest in row.get("RepoDigests") or ()
    }


def superfluous(tags: Iterable[Tag], in_use: set[str], keep: int) -> list[Tag]:
    """Of a repository's tags those that may go.

    What runs stays, what ``latest`` means, the newest ones, those of which nobody knows how old they are, and whatever
    has the digest of one of these or is a part of it.

    Args:
        tags: All of them, newest first.
        in_use: Digests that this host needs.
        keep: How many of the newest stay, ``latest`` not counted.
    """
    rows = list(tags)
    dated = [tag for tag in rows if tag.name != LATEST and tag.created]
    newest = {tag.digest for tag in dated[:keep]}
    undated = {tag.digest for tag in rows if tag.digest and not tag.created}
    kept = in_use | newest | undated | {tag.digest for tag in rows if tag.name == LATEST}
    kept |= {part for tag in rows if tag.digest in kept for part in tag.parts}
    return [tag for tag in rows if tag.digest not in kept]


def old(listed: Mapping[str, Sequence[Tag]], engine: Engine, keep: int) -> list[tuple[str, Tag]]:
    """What may go: repository and tag.

    Args:
        listed: The tags of each repository, newest first.
        engine: The host's Docker.
        keep: How many tags of each repository stay.

    Raises:
        DeployError: Docker does not answer.
    """
    in_use = used(engine)
    return [(repository, tag) for repository, tags in listed.items() for tag in superfluous(tags, in_use, keep)]


def paths(rows: Iterable[tuple[str, Tag]]) -> list[str]:
    """The folders of these tags and what they mean, below the registry's repositories, in the order in which they go.

    Source: distribution/distribution, registry/storage/paths.go.
    """
    own = [(f"{repository}/_manifests", tag) for repository, tag in rows]
    revisions = [f"{folder}/revisions/{tag.digest.replace(':', '/')}" for folder, tag in own if tag.digest]
    return [*dict.fromkeys(revisions), *(f"{folder}/tags/{tag.name}" for folder, tag in own)]
