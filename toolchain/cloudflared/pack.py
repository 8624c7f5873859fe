"""The connector stub as one file that runs where Python 3 with PyYAML is.

What stands at cloudflared's place in its image.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
MODULES: Final = ("__init__", "assertions", "command", "connector", "origin", "settings_file", "wire")
_ROOT: Final = _HERE.parents[1]
SOURCES: Final = (_ROOT / "toolchain" / "stopping.py", *(_HERE / f"{name}.py" for name in MODULES))
_START: Final = "import sys\n\nfrom toolchain.cloudflared.command import main\n\nsys.exit(main(sys.argv[1:]))\n"


def pack(target: Path) -> None:
    """Writes the program, the same bytes each time from the same sources.

    Args:
        target: The file; its folder is made.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        file.write(b"#!/usr/bin/python3\n")
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo("__main__.py"), _START)
            archive.writestr(zipfile.ZipInfo("toolchain/__init__.py"), "")
            for source in SOURCES:
                archive.writestr(zipfile.ZipInfo(str(source.relative_to(_ROOT))), source.read_bytes())
    target.chmod(0o755)
