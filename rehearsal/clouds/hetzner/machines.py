"""What stands behind a server: the drivers that make machines, and one that only remembers.

The rehearsal's own driver boots containers; it is not here. A driver is called outside of the API's lock, from one
thread per action, and must be idempotent: an action that was interrupted may be asked for again.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Any, Protocol

Row = dict[str, Any]


class MachineError(Exception):
    """The machine could not be made or changed; the text becomes the action's error message."""


class Machines(Protocol):
    """A driver. `server` is the API's view of the server, with a `public_net` that holds its addresses.

    Attributes:
        instant: Whether its calls return at once, so that actions are finished when the request is answered.
    """

    instant: bool

    def ipv4(self, taken: set[str]) -> str:
        """An address that a machine of this driver can have and nobody has yet."""

    def ipv6(self, taken: set[str]) -> str:
        """A network such as 2001:db8:0:1::/64 that nobody has yet."""

    def create(self, server: Row, user_data: str, ssh_keys: list[str]) -> None:
        """Boots a machine and returns when it is running; cloud-init goes on in the background."""

    def delete(self, server: Row) -> None:
        """Removes the machine; one that is gone is no error."""

    def power(self, server: Row, what: str) -> None:
        """`poweron`, `poweroff` (hard), `shutdown` (asks), `reboot` (asks) or `reset` (hard)."""

    def rebuild(self, server: Row, user_data: str, ssh_keys: list[str]) -> None:
        """Replaces the disk by a fresh one of `server["image"]`; addresses stay."""

    def firewall(self, server: Row, rules: list[Row] | None) -> None:
        """Filters the traffic to the machine by the rules of its firewalls; None stands for "no firewall at all"."""


@dataclass
class InMemory:
    """Machines that are nothing but entries in a list; for tests of the API and of the stand-in plugin.

    Attributes:
        calls: What was asked for: name of the method, id of the server, further arguments.
        fail: Method name to the text of the `MachineError` that its next calls raise.
    """

    instant: bool = True
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    fail: dict[str, str] = field(default_factory=dict)

    def ipv4(self, taken: set[str]) -> str:
        """From the documentation range of RFC 5737, .10 upwards."""
        for host in range(10, 255):
            if f"203.0.113.{host}" not in taken:
                return f"203.0.113.{host}"
        raise MachineError("no IPv4 address is left in 203.0.113.0/24")

    def ipv6(self, taken: set[str]) -> str:
        """From the documentation range of RFC 3849."""
        for network in ipaddress.ip_network("2001:db8::/48").subnets(new_prefix=64):
            if str(network) not in taken:
                return str(network)
        raise MachineError("no IPv6 network is left in 2001:db8::/48")

    def create(self, server: Row, user_data: str, ssh_keys: list[str]) -> None:
        """Notes it."""
        self._note("create", server, user_data, tuple(ssh_keys))

    def delete(self, server: Row) -> None:
        """Notes it."""
        self._note("delete", server)

    def power(self, server: Row, what: str) -> None:
        """Notes it."""
        self._note("power", server, what)

    def rebuild(self, server: Row, user_data: str, ssh_keys: list[str]) -> None:
        """Notes it."""
        self._note("rebuild", server, user_data, tuple(ssh_keys))

    def firewall(self, server: Row, rules: list[Row] | None) -> None:
        """Notes it."""
        self._note("firewall", server, rules)

    def _note(self, method: str, server: Row, *more: Any) -> None:
        self.calls.append((method, server["id"], *more))
        if method in self.fail:
            raise MachineError(self.fail[method])
