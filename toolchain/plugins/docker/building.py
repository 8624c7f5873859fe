"""Images built from a folder by the daemon's classic builder."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from toolchain.plugins.docker.daemon import Daemon, DaemonError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolchain.plugins.base import Props


def build_image(daemon: Daemon, build: Props, tags: list[str]) -> None:
    """Builds and tags an image.

    Raises:
        DaemonError: With the builder's last words.
    """
    unsupported = [key for key in ("secrets", "additionalContexts", "builder", "cacheTos", "sbom") if build.get(key)]
    if unsupported:
        raise DaemonError(
            f"Error running legacy build: the stand-in has the classic builder only, without {unsupported[0]}"
        )
    folder = Path(build["context"]).expanduser().resolve()
    dockerfile = build.get("dockerfile") or "Dockerfile"
    if not (folder / dockerfile).is_file():
        raise DaemonError(f"Error running legacy build: dockerfile not found at path: {folder / dockerfile}")
    archive, inside = context_of(folder, folder / dockerfile)
    output: list[str] = []
    for message in daemon.stream(
        "POST", "/build", archive, params=_params(build, tags, inside), headers=_headers(daemon)
    ):
        output.append(message.get("stream", ""))
        if "error" in message:
            raise DaemonError(
                f"Error running legacy build: unable to build image\n\n{''.join(output)}{message['error']}"
            )


def _headers(daemon: Daemon) -> dict[str, str]:
    auth = {address: dict(login) for address, login in daemon.settings.auth.items()}
    encoded = base64.urlsafe_b64encode(json.dumps(auth).encode()).decode()
    return {"Content-Type": "application/x-tar", "X-Registry-Config": encoded}


def _params(build: Props, tags: list[str], dockerfile: str) -> list[tuple[str, Any]]:
    labels = {**(build.get("label") or {}), **(build.get("labels") or {})}
    params: list[tuple[str, Any]] = [("t", tag) for tag in tags]
    params += [
        ("dockerfile", dockerfile),
        ("buildargs", json.dumps(build.get("buildArgs") or {})),
        ("labels", json.dumps(labels)),
        ("cachefrom", json.dumps(build.get("cacheFroms") or [])),
        ("target", build.get("target") or ""),
        ("platform", build.get("platform") or ""),
        ("networkmode", build.get("networkMode") or ""),
        ("extrahosts", ",".join(build.get("extraHosts") or [])),
        ("nocache", int(bool(build.get("noCache")))),
        ("pull", int(bool(build.get("pullParent")))),
        ("rm", int(build.get("remove") is not False)),
        ("forcerm", int(bool(build.get("forceRemove")))),
        ("shmsize", build.get("shmSize") or 0),
        ("memory", build.get("memory") or 0),
        ("memswap", build.get("memorySwap") or 0),
    ]
    return [(name, value) for name, value in params if value != ""]


def context_of(folder: Path, dockerfile: Path, *, timeless: bool = False) -> tuple[bytes, str]:
    """The folder as a tar without what .dockerignore names, and the path of the Dockerfile inside of it.

    A timeless tar has no modification times: the same content makes the same bytes.
    """
    from docker.utils import exclude_paths  # noqa: PLC0415  (docker-py takes 0.3 s to load)

    ignore = folder / ".dockerignore"
    patterns = list(_patterns(ignore.read_text(encoding="utf-8"))) if ignore.is_file() else []
    outside = not dockerfile.resolve().is_relative_to(folder)
    inside = ".dockerfile.homeport" if outside else dockerfile.resolve().relative_to(folder).as_posix()
    member = _timeless if timeless else _owned_by_root
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in sorted(exclude_paths(str(folder), patterns, dockerfile=None if outside else inside)):
            tar.add(folder / name, arcname=PurePosixPath(name).as_posix(), recursive=False, filter=member)
        if outside:
            tar.add(dockerfile, arcname=inside, filter=member)
    return buffer.getvalue(), inside


def _patterns(text: str) -> Iterator[str]:
    for line in text.splitlines():
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield stripped


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _timeless(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mtime = 0
    return _owned_by_root(member)
