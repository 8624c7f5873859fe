"""SYNs at a steady rate to a few ports, to see whether one opens even for a moment during boot, reload or restart.

Told: `address`, `ports`, `rate` (SYNs a second and port). Says `{"watching": …}` when the first have gone out, and when
standard input ends what it saw: of every port how many SYNs were sent and how often each answer came, and when the
answers changed.
"""

from __future__ import annotations

import time
from typing import Any

from rehearsal.probes.inside.syn import OPEN, REJECTED, Syns
from rehearsal.probes.inside.talk import say, told, until_end

_SILENT = "silent"


class Seen:
    """What one port answered over time.

    Attributes:
        counts: Answer to how often it came.
        changes: When the answer became another, in seconds from the start.
    """

    def __init__(self) -> None:
        self.sent = 0
        self.counts: dict[str, int] = {}
        self.changes: list[tuple[float, str]] = []
        self._fresh = ""

    def note(self, state: str, when: float) -> None:
        """An answer came in."""
        self.counts[state] = self.counts.get(state, 0) + 1
        self._fresh = state
        self._change(state, when)

    def tick(self, when: float) -> None:
        """The next SYN goes out; the one before may have stayed without an answer."""
        if self.sent and not self._fresh:
            self._change(_SILENT, when)
        self.sent, self._fresh = self.sent + 1, ""

    def _change(self, state: str, when: float) -> None:
        if not self.changes or self.changes[-1][1] != state:
            self.changes.append((round(when, 2), state))


def main() -> None:
    """Watches until standard input ends."""
    about = told()
    over = until_end()
    syns = Syns(about["address"])
    seen = {port: Seen() for port in about["ports"]}
    began, rounds, longest, before = time.monotonic(), 0, 0.0, 0.0
    while not over.is_set():
        when = time.monotonic() - began
        longest, before = max(longest, when - before), when
        for port, port_seen in seen.items():
            port_seen.tick(when)
            syns.send(port)
        rounds += 1
        if rounds == 1:
            say({"watching": len(seen)})
        end = began + rounds / about["rate"]
        left = 1.0
        # Once at least, however late it is: what has not been read is no silence.
        while left > 0:
            left = end - time.monotonic()
            time.sleep(max(0.0, min(left, 0.005)))
            for port, state in syns.answers():
                if state and port in seen:
                    seen[port].note(state, time.monotonic() - began)
    say(result(seen, time.monotonic() - began, rounds, longest) | {"unsent": syns.unsent})


def result(seen: dict[int, Seen], seconds: float, rounds: int, longest: float) -> dict[str, Any]:
    """All that was seen.

    `accepted` are ports that were open, `answered` also those that refused: no firewall was before them then.
    `longest_gap` is the longest time in which nothing was sent, a hole in the watch.
    """
    return {
        "seconds": round(seconds, 2),
        "rounds": rounds,
        "longest_gap": round(longest, 3),
        "ports": {
            port: {"sent": port_seen.sent, **port_seen.counts, "changes": port_seen.changes}
            for port, port_seen in seen.items()
        },
        "accepted": sorted(port for port, port_seen in seen.items() if OPEN in port_seen.counts),
        "answered": sorted(port for port, port_seen in seen.items() if set(port_seen.counts) - {REJECTED}),
    }


if __name__ == "__main__":
    main()
