"""Known ports for the scanner's control: listens on those it is told, until standard input ends."""

from __future__ import annotations

import resource
import socket

from rehearsal.probes.inside.talk import say, told, until_end


def main() -> None:
    """Listens on `ports` of every address, IPv4 and IPv6; nothing is ever accepted, the kernel answers."""
    about = told()
    listening = []
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for port in about["ports"]:
        listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("::", port))
        listener.listen(8)
        listening.append(listener)
    say({"listening": len(listening)})
    until_end().wait()


if __name__ == "__main__":
    main()
