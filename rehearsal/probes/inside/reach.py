"""Who is reached by TCP from here. Told: `targets`, each an address and a port, and `patience` in seconds.

Says once, in `reached`, those that took the connection.
"""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor

from rehearsal.probes.inside.talk import say, told


def main() -> None:
    """Asks all at once."""
    about = told()

    def takes(target: list[str | int]) -> bool:
        try:
            socket.create_connection((str(target[0]), int(target[1])), about.get("patience", 1.5)).close()
        except OSError:
            return False
        return True

    targets = about["targets"]
    with ThreadPoolExecutor(max_workers=max(1, len(targets))) as pool:
        answers = list(pool.map(takes, targets))
    say({"reached": [target for target, reached in zip(targets, answers, strict=True) if reached]})


if __name__ == "__main__":
    main()
