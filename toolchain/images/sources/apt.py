"""Debian packages, by the machine's own apt: its mirrors, proxies and keys, but none of its folders.

apt runs with a state of its own in the cache and a configuration made from the machine's, so that an unprivileged user
can fetch packages and the machine's own lists, caches and hooks stay untouched.
"""

import re
import time
from dataclasses import dataclass
from pathlib import Path

from toolchain.images import daemon, store
from toolchain.images.errors import ImageError
from toolchain.images.kit import Kit

SUITE = "bookworm"
_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_FRESH_SECONDS = 3600


@dataclass(frozen=True, kw_only=True)
class Source:
    """One line of the machine's apt configuration: where a release's packages are."""

    uri: str
    release: str
    component: str


def sources(kit: Kit) -> list[Source]:
    """The machine's apt sources for Debian bookworm, its security updates among them.

    Raises:
        ImageError: apt isn't there, or knows no such source.
    """
    kit.need("apt-get", "build the images on Debian or Ubuntu, or where the images' registry can be reached")
    # Without --no-release-info a machine that has never run `apt-get update` shows no sources at all.
    line = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
    listing = kit.output(["apt-get", "indextargets", "--no-release-info", "--format", line, "Created-By: Packages"])
    found = []
    for line in dict.fromkeys(listing.splitlines()):
        uri, release, component = line.split("|")
        if release.split("-")[0] == SUITE and component == "main":
            found.append(Source(uri=uri, release=release, component=component))
    if not any(source.release == SUITE for source in found):
        raise ImageError(
            kit.image,
            f"this machine's apt has no source for Debian {SUITE}",
            f"add one below /etc/apt/sources.list.d (`deb <mirror> {SUITE} main`)",
        )
    return found


def proxy(kit: Kit) -> dict[str, str]:
    """The proxy that apt is configured with, as the variable that other tools look for."""
    line = kit.output(["apt-config", "shell", "value", "Acquire::http::Proxy"])
    found = re.search(r"value='(.+)'", line)
    return {"http_proxy": found[1]} if found else {}


def fetch(kit: Kit, *packages: str) -> list[Path]:
    """Fetch packages with all that they need beyond what the base image has.

    Returns:
        The package files, apt having checked each one's signature chain.

    Raises:
        ImageError: apt failed.
    """
    kit.phase(f"fetching Debian packages {', '.join(packages)}")
    status = kit.work / "status"
    status.write_text(daemon.read_file("homeport/base:bookworm", "/var/lib/dpkg/status"), encoding="utf-8")
    archives = kit.work / "debs"
    (archives / "partial").mkdir(parents=True, exist_ok=True)
    config = _updated_config(kit)
    options = {
        "Dir::State::status": status, "Dir::Cache::archives": archives, "APT::Install-Recommends": "false",
        "Debug::NoLocking": "true",
    }  # fmt: skip
    flags = [part for key, value in options.items() for part in ("-o", f"{key}={value}")]
    kit.run(["apt-get", *flags, "-y", "--download-only", "install", *packages], env={"APT_CONFIG": str(config)})
    return sorted(archives.glob("*.deb"))


def fetch_alone(kit: Kit, package: str) -> Path:
    """Fetch one package without what it needs; for tools that are run from where they are unpacked."""
    config = _updated_config(kit)
    kit.run(["apt-get", "download", package], env={"APT_CONFIG": str(config)})
    return next(kit.work.glob(f"{package}_*.deb"))


def unpack(kit: Kit, debs: list[Path], into: Path) -> None:
    """Unpack packages into a tree whose `/bin`, `/lib` and `/sbin` are links into `/usr`, as Debian's are.

    Their maintainer scripts don't run: what a service needs of them its own Dockerfile does.
    """
    for deb in debs:
        kit.run(["dpkg-deb", "--extract", deb, into])
    for name in ("bin", "sbin", "lib", "lib64"):
        top = into / name
        if top.is_dir() and not top.is_symlink():
            kit.run(["cp", "-a", f"{top}/.", _made(into / "usr" / name)])
            kit.run(["rm", "-rf", top])
    for name in ("usr/share/doc", "usr/share/man", "usr/share/lintian", "usr/share/info"):
        kit.run(["rm", "-rf", into / name])


def version(kit: Kit, debs: list[Path], package: str) -> str:
    """The exact version of one of the packages that were fetched."""
    deb = next(path for path in debs if path.name.startswith(f"{package}_"))
    return kit.output(["dpkg-deb", "--field", deb, "Version"])


def _made(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _updated_config(kit: Kit) -> Path:
    """A configuration for apt with a state of its own, its package lists no older than an hour."""
    home = store.folder("apt")
    config, updated = home / "apt.conf", home / "updated"
    with store.lock("apt", kit.phase):
        if not updated.exists() or time.time() - updated.stat().st_mtime > _FRESH_SECONDS:
            _write_config(kit, home)
            kit.run(["apt-get", "update"], env={"APT_CONFIG": str(config)})
            updated.touch()
    return config


def _write_config(kit: Kit, home: Path) -> None:
    signed = f"[signed-by={_KEYS}] " if _KEYS.exists() else ""
    lines = [f"deb {signed}{source.uri} {source.release} {source.component}\n" for source in sources(kit)]
    (home / "sources.list").write_text("".join(lines), encoding="utf-8")
    for part in ("state/lists/partial", "cache/archives/partial"):
        _made(home / part)
    dump = kit.output(["apt-config", "dump"]).splitlines()
    acquire = [line for line in dump if line.startswith("Acquire::") and "IndexTargets" not in line]
    own = {
        # The machine's own files hold hooks, which would clear the machine's caches for a run that isn't its own.
        "Dir::Etc::main": "/dev/null",
        "Dir::Etc::parts": "/dev/null",
        "Dir::Etc::sourcelist": home / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State": home / "state",
        "Dir::Cache": home / "cache",
        "APT::Sandbox::User": "root",
    }
    text = "\n".join([*acquire, *(f'{key} "{value}";' for key, value in own.items())])
    path = home / "apt.conf"
    path.touch(mode=0o600)  # a proxy's address may hold a password
    path.write_text(f"{text}\n", encoding="utf-8")
