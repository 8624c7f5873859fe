"""Runs the program, `__main__.py`, on each of several configurations, and prints what it registered and what it said.

A program of its own: Pulumi keeps a stack's settings and its configuration in globals. Asked by JSON on stdin.
"""

from __future__ import annotations

import gc
import json
import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

import pulumi
from pulumi.runtime import mocks

from tests.support.checkout import ROOT
from tests.unit.stack.graph import Engine


def ran(stack: str, configuration: dict[str, str]) -> tuple[int, str]:
    """How many resources the engine was told of, and the program's last words."""
    engine, said = Engine(), [""]
    mocks.set_mocks(engine, project="homeport", stack=stack, preview=False)
    pulumi.runtime.set_all_config(configuration, [])

    def go() -> None:
        try:
            runpy.run_path(str(ROOT / "__main__.py"))
        except SystemExit as stop:
            said[0] = str(stop.code)
        finally:
            # The program leaves them to the end of its process, which is not this one's.
            gc.unfreeze()
            gc.enable()

    pulumi.runtime.test(go)()
    return len(engine.seen), said[0]


if __name__ == "__main__":
    print(json.dumps([ran(stack, configuration) for stack, configuration in json.loads(sys.stdin.read())]))
