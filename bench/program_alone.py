"""The program without an engine: how long its imports and its graph take.

Run in the checkout with a stack's settings on stdin. Prints one JSON object: seconds until the SDKs are imported,
seconds for settings and graph, and the number of resources.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from typing import NoReturn

BEGAN = time.perf_counter()
_READ = {
    "hex": "0" * 6,
    "result": "0" * 64,
    "imageId": "sha256:0",
    "ipAddress": "192.0.2.1",
    "ipNetwork": "2001:db8::/64",
    "stdout": "ssh-ed25519 AAAA",
    "aud": "0" * 64,
}
"""Outputs of resources that the program reads, whoever answers them."""


def main() -> None:
    """What `__main__.py` does, against an engine that only says yes."""
    gc.disable()
    import pulumi  # noqa: PLC0415  # the time of the imports is what is measured
    from pulumi.runtime import mocks  # noqa: PLC0415

    from homeport.plan.resolve import resolve  # noqa: PLC0415
    from homeport.settings.load import Configuration  # noqa: PLC0415
    from homeport.stack.program import build  # noqa: PLC0415

    imported = time.perf_counter()
    seen = []

    class Engine(mocks.Mocks):
        """Every resource gets its inputs back, and what the program reads of its outputs."""

        def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, object]]:
            seen.append(args.name)
            return "1" if args.typ.startswith("hcloud:") else args.name, _READ | args.inputs

        def call(self, args: mocks.MockCallArgs) -> NoReturn:
            raise RuntimeError(f"{args.token} was looked up")

    def go() -> None:
        keys = json.load(sys.stdin)
        secrets = frozenset(key for key in keys if key.endswith(("token", "key")))
        build(resolve(Configuration("bench", keys, secrets)))

    asyncio.set_event_loop(asyncio.new_event_loop())
    mocks.set_mocks(Engine(), project="homeport", stack="bench", preview=False)
    pulumi.runtime.test(go)()  # type: ignore[no-untyped-call]
    ended = time.perf_counter()
    print(json.dumps({"imports": imported - BEGAN, "graph": ended - imported, "resources": len(seen)}))


if __name__ == "__main__":
    main()
