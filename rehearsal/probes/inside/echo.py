"""The other side of `loss`: on one `port`, answers datagrams with themselves and TCP connections with nothing."""

from __future__ import annotations

import socket
import threading

from rehearsal.probes.inside.talk import say, told, until_end


def main() -> None:
    """Answers until standard input ends."""
    about = told()
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind((about.get("address", ""), about["port"]))
    streams = socket.create_server((about.get("address", ""), about["port"]))

    def answer() -> None:
        while True:
            text, sender = datagrams.recvfrom(2048)
            datagrams.sendto(text, sender)

    def accept() -> None:
        while True:
            streams.accept()[0].close()

    for serve in (answer, accept):
        threading.Thread(target=serve, daemon=True).start()
    say({"echo": about["port"]})
    until_end().wait()


if __name__ == "__main__":
    main()
