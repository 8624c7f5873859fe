"""How the process of an emulated cloud begins and ends."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from rehearsal.clouds.kit.listener import NotLoopbackError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.clouds.kit.api import ApiServer


def serve(name: str, server: Callable[[], ApiServer], *refusals: type[Exception]) -> int:
    """Serves until interrupted; the first line of standard output is the address.

    Args:
        name: The program's name, for what is refused.
        server: Makes the server.
        refusals: What that may raise besides what any may: it is told in one line.

    Returns:
        The exit code.
    """
    expected: tuple[type[Exception], ...] = (ValueError, OSError, NotLoopbackError, *refusals)
    try:
        api = server()
    except expected as problem:
        print(f"{name}: {problem}", file=sys.stderr)
        return 2
    print(api.url, flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        api.serve_forever()
    return 0
