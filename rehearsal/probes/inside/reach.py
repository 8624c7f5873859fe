"""Who is reached by TCP from here. Told: `targets`, each an address and a port, and `patience` in seconds.

Says once, in `reached`, those that took the connection, and in `refused` those where somebody said no: silence is
neither.
"""

from __future__ import annotations

import asyncio
import errno

from rehearsal.probes.inside.talk import say, told

_AT_ONCE = 500
"""Connections that are waited for; a process may open 1,024 files as a rule."""
_OUT_OF_FILES = (errno.EMFILE, errno.ENFILE)
"""Then nobody was asked: no answer of anybody's."""


async def _answer(address: str, port: int, patience: float) -> str:
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), patience)
    except ConnectionRefusedError:
        return "refused"
    except OSError as problem:
        if problem.errno in _OUT_OF_FILES:
            raise
        return ""
    writer.close()
    return "reached"


async def _all(targets: list[list[str | int]], patience: float) -> list[str]:
    waiting = asyncio.Semaphore(_AT_ONCE)

    async def in_turn(address: str, port: int) -> str:
        async with waiting:
            return await _answer(address, port, patience)

    return await asyncio.gather(*(in_turn(str(address), int(port)) for address, port in targets))


def main() -> None:
    """Asks beside each other, in one thread: it runs for many containers at a time."""
    about = told()
    targets = about["targets"]
    answers = asyncio.run(_all(targets, about.get("patience", 1.5)))
    by_answer = list(zip(targets, answers, strict=True))
    say({kind: [target for target, answer in by_answer if answer == kind] for kind in ("reached", "refused")})


if __name__ == "__main__":
    main()
