"""Programs of a host, laid on a test's server as the component lays them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeport.render import host_programs as render
from tests.support.checkout import ROOT

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

    from homeport.model.host_program import HostProgram
    from tests.support.host import Server

_GROUND = "programs-ground"


def ground(server: Server, *programs: HostProgram, texts: Mapping[str, str], keep: bool = False) -> None:
    """Users and folders of all programs of the server."""
    done = server.unit(
        _GROUND,
        apply=render.ground(programs, texts, _GROUND),
        remove=render.ground_removed(programs, texts, _GROUND, keep=keep),
    )
    assert done.returncode == 0, done.stderr


def lay(
    server: Server, program: HostProgram, texts: Mapping[str, str], **secrets: str
) -> subprocess.CompletedProcess[str]:
    """One program, started, once it is healthy."""
    more = {"also": render.also(program, texts), "units": program.watched, "texts": texts, "take_over": ()}
    files = render.files(program, texts, ROOT)
    name = f"program-{program.name}"
    return server.unit(
        name, files, render.apply(program, texts), remove=render.remove(program, texts), more=more, **secrets
    )
