"""Fetches Pulumi's own CLI from its download site, where that can be reached."""

import hashlib
import io
import os
import platform
import shutil
import sys
import tarfile
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import IO

from toolchain.engine.errors import EngineError
from toolchain.engine.places import Places, lock

SITE = "https://get.pulumi.com/releases/sdk"
OVERRIDE = "HOMEPORT_PULUMI_DOWNLOADS"
PATIENCE = 3.0
"""Seconds until a silent download site counts as out of reach, name lookup included."""
KNOWN = {
    "pulumi-v3.255.0-linux-x64.tar.gz": "sha256:cf559568e2c32f7fae56ea3de8ae5fa48973ba8c5aa9dd2b3dc0c8898fe50dba",
    "pulumi-v3.255.0-linux-arm64.tar.gz": "sha256:699fbc6ea848d997e9b3645487f108d27b1b55ec807c7576406131e6e080f0e3",
}
"""What an archive must be, as Pulumi's list of the release has it.

The CLI is given every secret of a stack: neither its site nor a mirror of it is to be taken at its word. An archive
that is not named here (of another system) is compared with that list at the same site, which finds damage alone.
"""
_OTHERWISE = "HOMEPORT_ENGINE=registries make engine"
_ARCHITECTURES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def archive_name(version: str) -> str:
    """The name of the CLI's archive for this machine, as Pulumi's own installer forms it."""
    machine = platform.machine().lower()
    return f"pulumi-v{version}-{platform.system().lower()}-{_ARCHITECTURES.get(machine, machine)}.tar.gz"


def obstacle(environ: Mapping[str, str] = os.environ) -> str | None:
    """None when the download site answers, else why not, for people."""
    site = environ.get(OVERRIDE, SITE)
    answers: list[str | None] = []
    # The name lookup obeys no timeout of urllib's, so the whole question gets one from outside.
    asking = threading.Thread(target=lambda: answers.append(_ask(site)), daemon=True)
    asking.start()
    asking.join(PATIENCE)
    return answers[0] if answers else f"{site} did not answer within {PATIENCE:.0f} s"


def install(places: Places, environ: Mapping[str, str] = os.environ) -> Path:
    """Downloads and unpacks the CLI into the cache, whole or not at all.

    Raises:
        EngineError: The archive could not be fetched or is not what it should be.
    """
    target = places.official.parent.parent
    site, name = environ.get(OVERRIDE, SITE), archive_name(places.version)
    url = f"{site}/{name}"
    with lock(target.with_name(f"{target.name}.lock")):
        if places.official.is_file():
            return places.official
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        try:
            print(f"engine: downloading Pulumi {places.version} from {url}", file=sys.stderr, flush=True)
            _unpack(url, KNOWN.get(name) or _listed(f"{site}/pulumi-{places.version}-checksums.txt", name), draft)
            if not (draft / "pulumi" / "pulumi").is_file():
                raise EngineError(url, "holds no pulumi/pulumi", _OTHERWISE)
            shutil.rmtree(target, ignore_errors=True)
            draft.rename(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return places.official


def _ask(site: str) -> str | None:
    """One HEAD; any answer below 500 proves that the site is there."""
    request = urllib.request.Request(site + "/", method="HEAD")  # noqa: S310 the site is ours or the user's own choice
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE):  # noqa: S310  # the one above
            return None
    except urllib.error.HTTPError as answer:
        return None if answer.code < HTTPStatus.INTERNAL_SERVER_ERROR else f"{site} answers {answer.code}"
    except (OSError, ValueError) as error:
        return f"{site} cannot be reached ({getattr(error, 'reason', error)})"


def _listed(url: str, name: str) -> str:
    """What an archive must be by its publisher's list, which has lines as sha256sum writes them."""
    held = io.BytesIO()
    _fetch(url, held)
    lines = held.getvalue().decode("ascii", "replace").splitlines()
    digests = [digest for digest, _, archive in (line.partition("  ") for line in lines) if archive == name]
    if len(digests) != 1:
        raise EngineError(url, f"has no checksum of {name}", _OTHERWISE)
    return f"sha256:{digests[0]}"


def _unpack(url: str, expected: str, into: Path) -> None:
    """Fetches the archive and, if it is what it must be, unpacks it into the folder; no member can leave that."""
    # Without a name, so that whoever is killed leaves nothing.
    with tempfile.TemporaryFile(dir=into.parent) as file:
        _fetch(url, file)
        file.seek(0)
        found = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        if found != expected:
            raise EngineError(url, f"is not what Pulumi released: {found} instead of {expected}", _OTHERWISE)
        file.seek(0)
        try:
            with tarfile.open(fileobj=file, mode="r:gz") as archive:
                archive.extractall(into, filter="data")
        except (OSError, tarfile.TarError, EOFError) as error:
            raise EngineError(url, f"cannot be unpacked ({error})", _OTHERWISE) from error


def _fetch(url: str, into: IO[bytes]) -> None:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 as above
            shutil.copyfileobj(answer, into)
    except OSError as error:
        raise EngineError(url, f"cannot be fetched ({error})", _OTHERWISE) from error
