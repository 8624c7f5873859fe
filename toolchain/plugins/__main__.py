"""`python -m toolchain.plugins <name> [engine-address]`: serves one stand-in and prints its port."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Final

from toolchain.plugins.host import EngineHost, when_orphaned
from toolchain.plugins.server import serve
from toolchain.stopping import Stop

if TYPE_CHECKING:
    from toolchain.plugins.base import Provider

# A plugin of its own folder each, imported only when asked for: hcloud's client takes longer to load than random to
# run.
NAMES: Final = ("random", "command", "docker", "hcloud", "cloudflare")
_GRACE: Final = 1.0


def load(name: str) -> Provider:
    """The stand-in of that name; fails with LookupError when there is none."""
    if name not in NAMES:
        raise LookupError(f"no stand-in plugin is called {name!r}; there are: {', '.join(NAMES)}")
    try:
        module = importlib.import_module(f"{__package__}.{name}.provider")
    except ModuleNotFoundError as missing:
        if missing.name is None or not missing.name.startswith(f"{__package__}.{name}"):
            raise
        raise LookupError(f"the stand-in plugin {name!r} is not written yet") from missing
    provider: Provider = module.provider()
    return provider


def main(arguments: list[str]) -> int:
    """Serves until the engine says stop or goes away; the exit status."""
    positional = [argument for argument in arguments if not argument.startswith("-")]
    if not positional:
        print("usage: python -m toolchain.plugins <name> [engine-address]", file=sys.stderr)
        return 2
    try:
        provider = load(positional[0])
    except LookupError as problem:
        print(f"toolchain.plugins: {problem}", file=sys.stderr)
        return 2
    parent = os.getppid()
    stop = Stop().by_signal()
    running = serve(provider, EngineHost(positional[1] if len(positional) > 1 else ""))
    # The engine reads exactly this line (sdk/go/common/resource/plugin: the port on the first line of standard output).
    print(running.port, flush=True)
    when_orphaned(parent, stop)
    stop.wait()
    running.cancel()
    running.server.stop(_GRACE).wait(_GRACE * 3)
    provider.close()
    # Worker threads may still wait for a command or a socket; the engine does not wait for them, nor do we.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
