"""homeport itself: its own `up`, and plain `pulumi` where `make env` leads, with a state of its own."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from typing import TYPE_CHECKING

from bench.contestant import Contestant, environment
from bench.world import PRESET

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench.world import Stack


_USED = ("plugin command ", "plugin docker ", "plugin random ")


class Homeport(Contestant):
    """The program of the copied checkout."""

    label = "homeport"

    def __init__(self, stack: Stack, checkout: Path, folder: Path) -> None:
        super().__init__(stack, checkout, folder)
        state = folder / "state"
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir()
        self._secrets: dict[str, str] = {}
        self._write()
        plain = environment() | {"PULUMI_BACKEND_URL": f"file://{state}", "PULUMI_CONFIG_PASSPHRASE": "not a secret"}
        self._engine("ensure", env=plain)
        lines = self._engine("env", env=plain).splitlines()
        words = (
            shlex.split(line.removeprefix("export "))[0].partition("=") for line in lines if line.startswith("export ")
        )
        self._environ = plain | {name: value for name, _, value in words}
        self._pulumi("stack", "init")

    def versions(self) -> dict[str, str]:
        """The engine and the plugins that the stack uses, without the paths of this machine."""
        report = self._engine("report", env=self._environ).splitlines()
        known = {}
        for line in report:
            what, _, value = line.partition("  ")
            if what == "engine":
                known[what] = value.strip()
            elif what.startswith(_USED):
                known[what] = value.strip().partition(",")[0]
        return known

    def _write(self) -> None:
        config = {"homeport:preset": PRESET, "homeport:settings": self.stack.settings}
        # JSON is YAML, and needs no library here.
        (self.checkout / f"Pulumi.{self.stack.name}.yaml").write_text(json.dumps({"config": config}))

    def configure(self, secrets: Mapping[str, str]) -> None:
        """Writes the stack's settings as they are now, and with them these secrets and those of before."""
        self._write()
        self._secrets |= secrets
        for name, value in self._secrets.items():
            self._pulumi("config", "set", "--secret", f"homeport:{name}", value)

    def verb(self, verb: str, *argv: str) -> str:
        """Runs one of homeport's own verbs; what it printed."""
        return self.run("sh", "bin/homeport", verb, *argv, "--stack", self.stack.name, env=self._environ)

    def warm_up(self) -> None:
        """Python compiles the copied checkout, and packages that were never imported before."""
        self.preview()

    def preview(self) -> None:
        """`pulumi preview`."""
        self._pulumi("preview")

    def up(self, how: str = "") -> None:
        """`homeport up`, which looks at Docker; ``plain``: `pulumi up`, which compares with the state."""
        if how == "plain":
            self._pulumi("up", "--yes", "--skip-preview", "--suppress-outputs")
        else:
            self.verb("up")

    def destroy(self) -> None:
        """`pulumi destroy`."""
        self._pulumi("destroy", "--yes", "--skip-preview")

    def _pulumi(self, *argv: str) -> None:
        self.run("pulumi", *argv, "--stack", self.stack.name, "--non-interactive", env=self._environ)

    def _engine(self, *argv: str, env: dict[str, str]) -> str:
        return self.run(sys.executable, "-m", "toolchain.engine", *argv, env=env)
