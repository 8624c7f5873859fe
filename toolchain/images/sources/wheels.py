"""Binary wheels, by pip as this machine has it set up; each pinned by its hash."""

import platform
import sys
import zipfile
from pathlib import Path

from toolchain.images.errors import ImageError
from toolchain.images.kit import Kit

_MACHINE = "x86_64"


def unpack(kit: Kit, requirement: str, sha256: str, into: Path) -> None:
    """Fetch one wheel and unpack it, file modes included.

    Args:
        kit: the build's workbench.
        requirement: the package, pinned: `name==version`.
        sha256: the wheel's hash; pip refuses any other file.
        into: the folder that the wheel's content goes to.

    Raises:
        ImageError: pip failed, or this machine isn't of the one kind that the pins are for.
    """
    if platform.machine() != _MACHINE:
        raise ImageError(kit.image, f"its wheels are pinned for {_MACHINE} only, and this is {platform.machine()}")
    kit.phase(f"fetching {requirement} from PyPI")
    folder = kit.work / "wheels" / requirement
    folder.mkdir(parents=True)
    pinned = folder / "requirements.txt"
    pinned.write_text(f"{requirement} --hash=sha256:{sha256}\n", encoding="utf-8")
    kit.run([
        sys.executable, "-m", "pip", "download", "--quiet", "--no-cache-dir", "--no-deps", "--require-hashes", "--only-binary", ":all:",
        "--python-version", "3.11", "--implementation", "cp", "--platform", f"manylinux_2_28_{_MACHINE}",
        "--dest", folder, "--requirement", pinned,
    ])  # fmt: skip
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        for member in wheel.infolist():
            path = Path(wheel.extract(member, into))
            mode = member.external_attr >> 16 & 0o777
            if mode and path.is_file():
                path.chmod(mode | 0o644)
