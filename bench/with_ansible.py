"""Ansible's community.docker with a playbook made of the same blueprint."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

from bench import material, playbook, tools
from bench.contestant import Contestant, environment

if TYPE_CHECKING:
    from pathlib import Path

    from bench.world import Stack


class Ansible(Contestant):
    """`ansible-playbook` on this machine, without SSH."""

    label = "Ansible"

    def __init__(self, stack: Stack, checkout: Path, folder: Path) -> None:
        super().__init__(stack, checkout, folder)
        self._bin = tools.ansible()
        self._values = material.generate(stack.blueprint)
        self._environ = environment(
            ANSIBLE_CONFIG=str(tools.HERE / "ansible.cfg"),
            ANSIBLE_HOME=str(folder / "home"),
            ANSIBLE_LOCAL_TEMP=str(folder / "tmp"),
            ANSIBLE_REMOTE_TEMP=str(folder / "tmp"),
            LC_ALL="C.UTF-8",
            PATH=f"{self._bin}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        )
        # Its packages were compiled where they stand; this would have Python look for that elsewhere.
        self._environ.pop("PYTHONPYCACHEPREFIX", None)
        shutil.rmtree(folder / "host", ignore_errors=True)
        self._stage()

    def versions(self) -> dict[str, str]:
        """Ansible's engine and the collection."""
        printed = self.run(str(self._bin / "ansible"), "--version", env=self._environ)
        path = next(
            self._bin.parent.glob("lib/python*/site-packages/ansible_collections/community/docker/MANIFEST.json")
        )
        collection = json.loads(path.read_text())["collection_info"]["version"]
        return {"ansible-core": printed.split("]")[0].split()[-1], "community.docker": collection}

    def preview(self) -> None:
        """`ansible-playbook --check`."""
        self._play("up", "--check")

    def up(self, how: str = "") -> None:
        """`ansible-playbook up.json`; ``no files``: without the tasks that deliver files."""
        self._play("up", *(["--skip-tags", "files"] if how == "no files" else []))

    def destroy(self) -> None:
        """`ansible-playbook destroy.json`."""
        self._play("destroy")
        shutil.rmtree(self.folder / "host", ignore_errors=True)

    def _play(self, name: str, *argv: str) -> None:
        self._stage()
        interpreter = f"ansible_python_interpreter={self._bin / 'python'}"
        where = ("-i", "localhost,", "-c", "local", "-e", interpreter)
        self.run(str(self._bin / "ansible-playbook"), *where, *argv, f"{name}.json", env=self._environ, cwd=self.folder)

    def _stage(self) -> None:
        """Writes what a person would keep in the playbook's repository: files, templates filled in, the playbooks."""
        blueprint, source = self.stack.blueprint, self.folder / "source"
        material.write(blueprint, self.checkout, source, self._values)
        for name, tasks in (
            ("up", playbook.up(blueprint, self.checkout, self.folder, self._values)),
            ("destroy", playbook.destroy(blueprint, self.folder)),
        ):
            play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
            (self.folder / f"{name}.json").write_text(json.dumps([play], indent=1))
