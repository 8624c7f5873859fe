"""Stubs: images whose software no package registry has. They answer on one port, on the paths of a health check.

A stub does nothing of what its name promises; its label says so, and a test that needs the software must refuse it. One of them also
holds a program that is taken out of the image and run on a host: cloudflared, in whose place the emulated edge's own connector stands.
"""

import json
from functools import partial
from pathlib import Path
from typing import NotRequired, TypedDict

from toolchain.cloudflared.pack import SOURCES, pack
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe

_FOLDER = Path(__file__).parent
_WORDS = "stub: this is not the software, only an answer in its place\n"


class Stub(TypedDict):
    """One line of `stubs.json`: what is stood in for, the port it serves, the paths that answer 200, where a connector is put."""

    repository: str
    software: str
    port: int
    paths: list[str]
    connector: NotRequired[str]


def assemble(stub: Stub, kit: Kit) -> str:
    """Lay out one file per path, and a start that serves them whatever arguments the software would take."""
    web = kit.root / "srv/stub"
    for path in stub["paths"]:
        page = web / path.lstrip("/")
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(_WORDS, encoding="utf-8")
    start = kit.root / "stub"
    start.write_text(f"#!/bin/sh\nexec busybox httpd -f -p {stub['port']} -h /srv/stub\n", encoding="utf-8")
    start.chmod(0o755)
    if "connector" in stub:
        pack(kit.root / stub["connector"].lstrip("/"))
    return ""


def recipe_for(image: str) -> Recipe | None:
    """The stub for an image of any tag, when its repository is listed."""
    stubs: list[Stub] = json.loads((_FOLDER / "stubs.json").read_text(encoding="utf-8"))
    for stub in stubs:
        if image.rpartition(":")[0] == stub["repository"]:
            also = "; and the emulated edge's connector" if "connector" in stub else ""
            return Recipe(
                image=image,
                software=f"{stub['software']}, its port {stub['port']} and health check only{also}",
                source="none",
                assemble=partial(assemble, stub),
                folder=_FOLDER,
                sources=SOURCES if "connector" in stub else (),
                kind="stub",
            )
    return None
