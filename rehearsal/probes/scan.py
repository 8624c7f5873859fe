"""Which ports of an address answer, asked from a container on a Docker network of one's choice."""

from __future__ import annotations

import random
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import Any

from rehearsal.probes.box import IMAGE, Box, run, start
from rehearsal.probes.errors import ProbeError

ALL = ((1, 65535),)
RATE = 40_000.0
"""SYNs a second: a host that answers nothing takes 8 s, and two containers of a two-core machine lose no answer."""
VPN_RATE = 8_000.0
"""The same through wireguard-go, which lost nothing at 10,000/s and half of all at 20,000/s."""
_KNOWN_OPEN, _KNOWN_CLOSED = 64, 192


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What to scan and how.

    Attributes:
        address: IPv4 or IPv6, as numbers.
        ports: Pairs of first and last.
        rate: SYNs a second.
        passes: How often a port is asked that does not answer.
        patience: Seconds to wait for late answers after each pass.
    """

    address: str
    ports: tuple[tuple[int, int], ...] = ALL
    rate: float = RATE
    passes: int = 3
    patience: float = 0.7

    def told(self, control: dict[str, Any] | None) -> dict[str, Any]:
        """What the program inside is told."""
        return {
            "address": self.address,
            "ports": self.ports,
            "rate": self.rate,
            "passes": self.passes,
            "patience": self.patience,
            "control": control,
        }


def scan(prefix: list[str], what: Scan, control: dict[str, Any] | None = None) -> dict[str, Any]:
    """Scans from where the prefix leads, which needs python3 and CAP_NET_RAW.

    Args:
        prefix: See `box.start`.
        what: The scan.
        control: `address`, and its ports that are known to be `open` and `closed`.

    Returns:
        `open`, `closed`, `rejected` (somebody on the way said no) and `filtered` (silence), `counts`, `banners` of the
            open ones,
        `seconds`, and how the `control` went. An address at which there is nobody is all filtered: who needs to know
            that the host was
        there asks one of its own open ports.

    Raises:
        ProbeError: The control was not found as it is, so the scan says nothing; or packets could not be sent.
    """
    result = run(prefix, "scan", what.told(control))[0]
    checked = result["control"]
    if checked and not checked["sound"]:
        missed = (
            f"{checked['loss']:.0%} of the control's answers are missing, and it was seen wrong at {checked['wrong']}"
        )
        raise ProbeError(
            f"scan of {what.address}",
            f"{missed}: is the control as it is said to be, and {what.rate:.0f} SYNs/s not too fast?",
        )
    if result["unsent"] > result["sent"] / 100:
        raise ProbeError(
            f"scan of {what.address}",
            f"{result['unsent']} of {result['sent'] + result['unsent']} SYNs could not be sent",
        )
    return result


def scan_patiently(prefix: list[str], what: Scan, control: dict[str, Any]) -> dict[str, Any]:
    """The same, and again at a third and a ninth of the rate where the control was not seen well.

    A busy machine needs more time.

    Raises:
        ProbeError: See `scan`.
    """
    for rate in (what.rate, what.rate / 3):
        with suppress(ProbeError):
            return scan(prefix, replace(what, rate=rate), control)
    return scan(prefix, replace(what, rate=what.rate / 9), control)


def scan_from(network: str, scans: list[Scan], image: str = IMAGE) -> list[dict[str, Any]]:
    """Scans from a container of its own on a network, with a second one beside it as the control.

    Raises:
        ProbeError: See `scan`.
    """
    numbers = random.sample(range(2, 65535), _KNOWN_OPEN + _KNOWN_CLOSED - 2)
    opened, closed = [1, 65535, *numbers[: _KNOWN_OPEN - 2]], numbers[_KNOWN_OPEN - 2 :]
    with ExitStack() as stack:
        scanner = stack.enter_context(Box(network, image))
        known = stack.enter_context(Box(network, image, ("--cap-add", "NET_BIND_SERVICE")))
        beacon = start(known.prefix, "beacon", {"ports": opened})
        stack.callback(beacon.stop)
        beacon.wait_for(0)
        results = []
        for what in scans:
            family = 6 if ":" in what.address else 4
            control = {"address": known.address(family), "open": opened, "closed": closed}
            results.append(scan_patiently(scanner.prefix, what, control))
        return results
