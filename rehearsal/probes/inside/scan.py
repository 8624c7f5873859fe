"""Full TCP scan of one address, with a control that runs through all of it.

Told: `address`, `ports` (pairs of first and last), `rate` (SYNs a second), `passes`, `patience` (seconds to wait after
each), `control` (`address`, `open`, `closed`; or null). The control's ports are known. They are asked all along,
between the others and the same way; if one of them is not found as it is, or too many answers are missing, the scan saw
too little and is not sound.
"""

from __future__ import annotations

import random
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rehearsal.probes.inside.syn import CLOSED, OPEN, REJECTED, Syns, paced
from rehearsal.probes.inside.talk import ranges, say, told

_DRAIN = 32
_BANNERS = 64
_ASKS = 256
"""How often the control is asked in each pass."""
_LOSS = 0.1
"""Share of the control's answers that may be missing: three passes then miss one open port in a thousand."""


class Target:
    """One address, the ports that are asked of it, and what they answered."""

    def __init__(self, address: str, ports: list[int]) -> None:
        self.syns = Syns(address)
        self.ports = ports
        self.found: dict[int, str] = {}
        self.answers = 0

    def take(self) -> None:
        """Reads what has come in. An answer of the host itself counts more than what somebody on the way says."""
        for port, state in self.syns.answers():
            self.answers += 1
            if state and (state != REJECTED or port not in self.found):
                self.found[port] = state

    def silent(self) -> list[int]:
        """Ports without an answer, in random order: a short outage hides no range."""
        return random.sample(left := [port for port in self.ports if port not in self.found], len(left))


def sweep(target: Target, control: Target | None, rate: float, patience: float) -> None:
    """One SYN to every port that has not answered yet; all of the control's ports along between them."""
    ports = target.silent()
    others = control.ports * -(-_ASKS // len(control.ports)) if control else []
    random.shuffle(others)
    every = max(1, len(ports) // len(others)) if others else 0
    began = time.monotonic()
    for number, port in enumerate(ports):
        target.syns.send(port)
        if control and every and number % every == 0 and others:
            control.syns.send(others.pop())
        if number % _DRAIN == 0:
            for scan in filter(None, (target, control)):
                scan.take()
            paced(rate, began, number)
    for port in others:
        if control:
            control.syns.send(port)
    end = time.monotonic() + patience
    while time.monotonic() < end:
        for scan in filter(None, (target, control)):
            scan.take()
        time.sleep(0.005)


def banner(address: str, port: int) -> str | None:
    """What an open port says by itself within a second; None when it does not even let a client connect."""
    try:
        with socket.create_connection((address, port), timeout=2) as connection:
            connection.settimeout(1)
            try:
                return connection.recv(128).decode("latin-1")
            except TimeoutError:
                return ""
    except OSError:
        return None


def banners(address: str, ports: list[int]) -> dict[int, str | None]:
    """What the first open ports say, asked all at once."""
    with ThreadPoolExecutor(_BANNERS) as pool:
        return dict(zip(ports, pool.map(lambda port: banner(address, port), ports[:_BANNERS]), strict=False))


def checked(control: Target | None, about: dict[str, Any] | None) -> dict[str, Any] | None:
    """How the control was found, and whether the scan may be believed."""
    if control is None or about is None:
        return None
    wrong = {port: control.found.get(port, "silent") for port in about["open"] if control.found.get(port) != OPEN}
    wrong |= {port: control.found.get(port, "silent") for port in about["closed"] if control.found.get(port) != CLOSED}
    loss = round(1 - min(1.0, control.answers / control.syns.sent), 3)
    known = {"open": len(about["open"]), "closed": len(about["closed"])}
    return {**known, "wrong": wrong, "asked": control.syns.sent, "loss": loss, "sound": not wrong and loss <= _LOSS}


def main() -> None:
    """Scans and says what it found."""
    about = told()
    began = time.monotonic()
    target = Target(about["address"], [port for low, high in about["ports"] for port in range(low, high + 1)])
    known = about.get("control")
    control = Target(known["address"], known["open"] + known["closed"]) if known else None
    for _ in range(about["passes"]):
        sweep(target, control, about["rate"], about["patience"])
        if not target.silent():
            break
    states = {
        state: [port for port, state_of in target.found.items() if state_of == state]
        for state in (OPEN, CLOSED, REJECTED)
    }
    say(
        {
            "address": about["address"],
            "open": sorted(states[OPEN]),
            "closed": ranges(states[CLOSED]),
            "rejected": ranges(states[REJECTED]),
            "filtered": ranges(target.silent()),
            "counts": {**{name: len(ports) for name, ports in states.items()}, "filtered": len(target.silent())},
            "banners": banners(about["address"], sorted(states[OPEN])),
            "sent": target.syns.sent,
            "unsent": target.syns.unsent,
            "control": checked(control, known),
            "seconds": round(time.monotonic() - began, 2),
        }
    )


if __name__ == "__main__":
    main()
