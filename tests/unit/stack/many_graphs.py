"""Prints the graph of each of several stacks, a line each: every one in a child of a process that has the SDKs already.

Asked by JSON on stdin, as `graph.py` is by each of them.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

import homeport.stack.program  # noqa: F401  # what each child would spend seconds on
from tests.unit.stack import graph


def line(asked: dict) -> str:
    """A graph, or how its making ended."""
    reading, writing = os.pipe()
    if not (child := os.fork()):
        with os.fdopen(writing, "w", encoding="utf-8") as out:
            try:
                out.write(graph.printed(asked))
            except BaseException:  # noqa: BLE001  # told, whatever it is
                out.write(json.dumps({"failed": traceback.format_exc()}))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as told:
        text = told.read()
    os.waitpid(child, 0)
    return text


if __name__ == "__main__":
    for one in json.loads(sys.stdin.read()):
        print(line(one), flush=True)
