"""Fetches Pulumi's own CLI from its download site, where that can be reached."""

import os
import platform
import shutil
import sys
import tarfile
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from toolchain.engine.errors import EngineError
from toolchain.engine.places import Places, lock

SITE = "https://get.pulumi.com/releases/sdk"
OVERRIDE = "HOMEPORT_PULUMI_DOWNLOADS"
PATIENCE = 3.0
"""Seconds until a silent download site counts as out of reach, name lookup included."""
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
    url = f"{environ.get(OVERRIDE, SITE)}/{archive_name(places.version)}"
    with lock(target.with_name(f"{target.name}.lock")):
        if places.official.is_file():
            return places.official
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        try:
            print(f"engine: downloading Pulumi {places.version} from {url}", file=sys.stderr, flush=True)
            _unpack(url, draft)
            if not (draft / "pulumi" / "pulumi").is_file():
                raise EngineError(url, "holds no pulumi/pulumi", "HOMEPORT_ENGINE=registries make engine")
            shutil.rmtree(target, ignore_errors=True)
            draft.rename(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return places.official


def _ask(site: str) -> str | None:
    """One HEAD; any answer below 500 proves that the site is there."""
    request = urllib.request.Request(site + "/", method="HEAD")  # noqa: S310 the site is ours or the user's own choice
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE):  # noqa: S310
            return None
    except urllib.error.HTTPError as answer:
        return None if answer.code < HTTPStatus.INTERNAL_SERVER_ERROR else f"{site} answers {answer.code}"
    except (OSError, ValueError) as error:
        return f"{site} cannot be reached ({getattr(error, 'reason', error)})"


def _unpack(url: str, into: Path) -> None:
    """Streams the archive into the folder; no member can leave it."""
    try:
        with (
            urllib.request.urlopen(url, timeout=60) as answer,  # noqa: S310
            tarfile.open(fileobj=answer, mode="r|gz") as archive,
        ):
            archive.extractall(into, filter="data")
    except (OSError, tarfile.TarError, EOFError) as error:
        raise EngineError(url, f"cannot be fetched ({error})", "HOMEPORT_ENGINE=registries make engine") from error
