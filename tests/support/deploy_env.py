"""The part of an export's deploy.sh that reads `.env`, run by itself."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from homeport.render.export.tree import Export
from tests.support.checkout import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from homeport.model.preset import Preset
    from homeport.plan.resolve import Plan

DEPLOY = ROOT / "homeport/render/export/deploy.sh"


def deployed(preset: Preset, plan: Plan, folder: Path, env: dict[str, str], wanted: tuple[str, ...]) -> str:
    """What deploy.sh checks and makes of an `.env` file: its complaints, or the values of the wanted variables."""
    export = Export(blueprint=plan.blueprint, preset=preset, specs=plan.secrets, root=ROOT)
    folder.mkdir(parents=True)
    (folder / "manifest").write_text(export.manifest())
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in env.items()))
    text = DEPLOY.read_text(encoding="utf-8")
    parts = (("listed() {", "\n\n"), ("read_env() {", "check_machine() {"), ("generate() {", "# A file with"))
    functions = "\n".join(text[text.index(first) : text.index(last, text.index(first))] for first, last in parts)
    values = " ".join(f"${{value[{name}]}}" for name in wanted)
    script = (
        f"set -Eeuo pipefail; here={folder} target={folder} env_file={folder}/.env; declare -A value=() variable=()\n"
        f"refuse() {{ printf '%s\\n' \"$@\"; exit 1; }}\n{functions}\n"
        f'read_env "$env_file"; check_env; generate; printf %s "{values}"'
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert "" == done.stderr, done.stderr
    return done.stdout
