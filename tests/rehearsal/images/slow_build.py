"""One run that builds a small image slowly: `python -m tests.rehearsal.images.slow_build IMAGE SECONDS FOLDER`."""

import sys
import time
from pathlib import Path

from toolchain.images import ensure
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe

IMAGE, SECONDS, FOLDER = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])


def assemble(kit: Kit) -> str:
    (kit.root / "half").write_text("half a tree")
    kit.phase("assembling")
    time.sleep(SECONDS)
    (kit.root / "whole").write_text("all of it")
    return "1"


ensure._build(
    Recipe(image=IMAGE, software="A test", source="none", assemble=assemble, folder=FOLDER, base=None, kind="stub")
)
