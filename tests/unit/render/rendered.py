"""`python -m tests.unit.render.rendered` writes anew what hosts get: path, mode, owner and content's hash of each file.

The list is under review: a line that changes is a unit that every host runs again at its next update.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from homeport.model.mesh import Member, Mesh, Rule
from homeport.render import headscale
from tests.unit.render.test_host_text import FILES, SCRIPTS

GOLDEN = Path(__file__).parents[2] / "golden" / "host_files.txt"
MESH = Mesh(
    server="mesh.example.com",
    base_domain="hosts.example.com",
    members=(Member(name="ai", tags=("ai",)), Member(name="hub", tags=("hub",))),
    users=("alice",),
    rules=(Rule(sources=("alice",), targets=("tag:ai",), ports="22,443"),),
    address="192.0.2.10",
)


def lines() -> list[str]:
    """A line for each file and each script."""
    # Root's home by its short name: no file of the project holds a path that could be a person's machine's.
    paths = {file: file.path.replace("/root/", "~root/") for file in FILES}
    files = [f"{paths[file]} {file.mode:o} {file.owner} {_hash(file.content)}" for file in FILES]
    texts = {**SCRIPTS, "headscale config": headscale.config(MESH), "headscale policy": headscale.policy(MESH)}
    return sorted([*files, *(f"{name}: {_hash(text)}" for name, text in texts.items() if not name.startswith("/"))])


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


if __name__ == "__main__":
    GOLDEN.write_text("".join(f"{line}\n" for line in lines()))
