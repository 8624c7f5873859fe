"""What belongs on a host itself, outside of every container."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from homeport.model import template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.model.network import Protocol
    from homeport.model.template import Syntax


@dataclass(frozen=True, kw_only=True)
class HostFile:
    """A file on a host.

    Attributes:
        path: Absolute path.
        content: The text, as it is: shell's ``${home}`` is shell's.
        mode: Permission bits; at most 0o600 where a value is secret.
        owner: ``user:group``.
        template: The content's syntax, where ``{name}`` in path and content stands for a value that the layer is
            handed; None: there is no such name in it.
    """

    path: str
    content: str
    mode: int = 0o644
    owner: str = "root:root"
    template: Syntax | None = None

    def filled(self, values: Mapping[str, str]) -> HostFile:
        """The file with its values.

        Raises:
            KeyError: A name of the template has no value.
            UnwritableError: The syntax has no way to write one of the values.
        """
        if self.template is None:
            return self
        path = template.fill(self.path, values, template.PATH)
        return replace(self, path=path, content=template.fill(self.content, values, self.template), template=None)


@dataclass(frozen=True, kw_only=True)
class Package:
    """A program that a layer needs on its host, and where the distribution has it.

    Attributes:
        name: The package.
        program: What is looked for on the host: the package is installed only where it is missing.
        unless: Shell, one line: whether the host can do without it.
        rather: Packages that have it too, taken before that one where the host's sources have them.
    """

    name: str
    program: str
    unless: str = ""
    rather: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Opening:
    """A port of a host that strangers may reach; everything else is closed.

    Attributes:
        purpose: For the rule's comment and the tables: ``SSH``, ``WireGuard``, ``HTTPS``.
        port: The number.
        protocol: ``tcp`` or ``udp``.
        sources: CIDRs that may use it; empty: the whole internet, IPv4 and IPv6.
        owners: Whether it is for what the host's owner runs there: nobody of the stack listens, and a container that
            no stack knows may.
    """

    purpose: str
    port: int
    protocol: Protocol = "tcp"
    sources: tuple[str, ...] = ()
    owners: bool = False
