"""Looks at all processes again and again: their command lines, and their environments where they may be read.

Told: `rate` (looks a second). Says `{"sampling": …}` first, and when standard input ends one line for each different
text: `{"kind", "pid", "uid", "seconds" (how long it was seen), "text"}`, and at last `{"looks", "processes",
"longest_gap"}`. A process that lives for less than one look can be missed; the kernel's own list of starts needs more
than a container has.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from rehearsal.probes.inside.talk import say, told, until_end

_YOUNG = 1.0
_REPEAT = 25
_PROC = Path("/proc")


class Sampler:
    """What was seen of each process.

    Attributes:
        seen: Process, kind and text to the first and last time.
    """

    def __init__(self) -> None:
        self.seen: dict[tuple[str, int, str, bytes], list[float]] = {}
        self._born: dict[str, float] = {}
        self.looks = 0
        self.everyone: set[str] = set()

    def look(self, now: float) -> None:
        """One look. Old processes are read again only now and then: what they are seldom changes."""
        own = str(os.getpid())
        here = {name for name in os.listdir(_PROC) if name.isdigit() and name != own}  # noqa: PTH208 - speed
        for name in list(self._born.keys() - here):
            del self._born[name]
        self.everyone |= here
        for number, name in enumerate(sorted(here)):
            born = self._born.setdefault(name, now)
            if now - born < _YOUNG or (number + self.looks) % _REPEAT == 0:
                self._read(name, now)
        self.looks += 1

    def _read(self, name: str, now: float) -> None:
        for kind in ("cmdline", "environ"):
            path = f"/proc/{name}/{kind}"
            try:
                handle = os.open(path, os.O_RDONLY)
                try:
                    uid, text = os.fstat(handle).st_uid, os.read(handle, 1 << 20)
                finally:
                    os.close(handle)
            except OSError:
                continue
            if text:
                self.seen.setdefault((name, uid, kind, text), [now, now])[1] = now


def main() -> None:
    """Samples until standard input ends."""
    about: dict[str, Any] = told()
    over = until_end()
    sampler = Sampler()
    began = before = time.monotonic()
    longest = 0.0
    while not over.is_set():
        now = time.monotonic()
        longest, before = max(longest, now - before), now
        sampler.look(now)
        if sampler.looks == 1:
            say({"sampling": len(sampler.seen)})
        ahead = began + sampler.looks / about["rate"] - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        else:
            began -= ahead
    for (name, uid, kind, text), (first, last) in sampler.seen.items():
        about = {"kind": kind, "pid": int(name), "uid": uid, "seconds": round(last - first, 2)}
        say({**about, "text": text.replace(b"\0", b"\n").decode("latin-1")})
    say({"looks": sampler.looks, "processes": len(sampler.everyone), "longest_gap": round(longest, 3)})


if __name__ == "__main__":
    main()
