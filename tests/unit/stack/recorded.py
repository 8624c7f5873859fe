"""A graph as it is kept in `tests/recordings/graph`: what an update compares, long values as their hash.

`sh homeport/cli/run.sh python -m tests.unit.stack.recorded CASE...` prints today's graph of a recorded case in full, to
see what a hash stands for. With `--keep` it records today's graph of a stack that `test_graph.STACKS` has, such as
`shared-infrastructure.rented` (on this machine: `shared-infrastructure`, kept as `shared-infrastructure.dev`); one that
is recorded already stays as it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "recordings" / "graph"
_LONGEST = 200


def built(case: dict[str, Any], **environ: str) -> dict[str, Any]:
    """Today's graph of preset, stack, settings and secrets, as `graph.py` prints it.

    On a machine whose Docker is in its usual place, unless `environ` says otherwise.
    """
    program = [sys.executable, str(Path(__file__).with_name("graph.py"))]
    surroundings = os.environ | (environ or {"DOCKER_HOST": "unix:///var/run/docker.sock"})
    done = subprocess.run(
        program, input=json.dumps(case), env=surroundings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    graph: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return graph


def condensed(graph: dict[str, Any]) -> dict[str, Any]:
    """Resources by URN without project and stack, and what is exported."""
    return {
        "resources": {
            _short(resource["urn"]): {
                "inputs": {key: _short(value) for key, value in sorted(resource["inputs"].items())},
                "options": _short(resource["options"]),
            }
            for resource in sorted(graph["resources"], key=lambda resource: resource["urn"])
        },
        "exports": _short(graph["exports"]),
    }


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _short(item) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return [_short(item) for item in value]
    if not isinstance(value, str):
        return value
    if value.startswith("urn:pulumi:"):
        return value.split("::", 2)[2]
    return value if len(value) <= _LONGEST else f"sha256:{hashlib.sha256(value.encode()).hexdigest()}"


def keep(name: str) -> None:
    """Records the graph of a stack, if no earlier version did."""
    from tests.unit.stack.test_graph import STACKS  # which imports what builds graphs

    preset, settings, secrets = STACKS[name]
    case = {"preset": preset, "stack": "prod" if settings else "dev", "settings": settings, "secrets": secrets}
    path = FOLDER / f"{name if settings else f'{name}.dev'}.json"
    if not path.exists():
        path.write_text(f"{json.dumps({'case': case, **condensed(built(case))}, indent=1, sort_keys=True)}\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--keep"]:
        for name in sys.argv[2:]:
            keep(name)
        sys.exit()
    for name in sys.argv[1:]:
        recorded = json.loads((FOLDER / f"{name}.json").read_text())
        print(json.dumps(built(recorded["case"]), indent=1, sort_keys=True))
