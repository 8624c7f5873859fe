"""One run that builds a small image slowly: `python -m tests.rehearsal.images.slow_build IMAGE SECONDS FOLDER`.

It ends sooner as soon as there is a file `released` in the cache folder.
"""

import os
import sys
import time
from pathlib import Path

from toolchain.images import ensure
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe

IMAGE, SECONDS, FOLDER = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])
RELEASED = Path(os.environ["HOMEPORT_CACHE"], "released")


def assemble(kit: Kit) -> str:
    (kit.root / "half").write_text("half a tree")
    kit.phase("assembling")
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and not RELEASED.exists():
        time.sleep(0.05)
    (kit.root / "whole").write_text("all of it")
    return "1"


ensure._build(
    Recipe(image=IMAGE, software="A test", source="none", assemble=assemble, folder=FOLDER, base=None, kind="stub")
)
