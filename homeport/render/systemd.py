"""Drop-ins for units that others brought."""

from __future__ import annotations

from homeport.model.host import HostFile
from homeport.model.template import UNIT
from homeport.render import host_text


def docker_after(units: tuple[str, ...]) -> HostFile:
    """Docker starts after these units, and without them if they fail.

    A container whose port is on the VPN's address is not started, and not tried again, if Docker is up before that
    address (moby: a failed bind is no exit, so no restart policy applies). Wants, not Requires: without the VPN it
    stays down by itself, and the others come up (S2-13, S2-61). Before it stops it says what runs, for the unit that
    ends containers when the machine goes down.
    """
    names = " ".join(map(UNIT, units))
    after = host_text.Code(f"After={names}\nWants={names}") if units else None
    content = host_text.filled("docker/docker.conf", after=after)
    return HostFile(path="/etc/systemd/system/docker.service.d/homeport.conf", content=content)
