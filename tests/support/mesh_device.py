"""A person's device in the mesh of a rehearsed stack: a real client in a container, by which ssh comes to members."""

from __future__ import annotations

import os
import secrets
import subprocess
from typing import TYPE_CHECKING

from tests.support.mesh import TAILSCALE, docker
from tests.support.waits import until

if TYPE_CHECKING:
    from pathlib import Path

_SOCKET = "/var/run/tailscale/tailscaled.sock"
_AUTHORITY = "/etc/authority.pem"
_SSH = r"""#!/bin/sh
# Members are reached by the device alone, whose client knows their names; everybody else as from this machine.
case " $* " in
  *.{domain}\ *) exec {ssh} -o "ProxyCommand=env -u DOCKER_HOST docker exec -i {name} tailscale nc %h %p" "$@" ;;
  *) exec {ssh} "$@" ;;
esac
"""


class Device:
    """The device, and the ``ssh`` that goes by it.

    Args:
        network: The Docker network that it is in.
        server: The control server's name, and its public address.
        authority: Certificates (PEM) that it trusts.
    """

    def __init__(self, network: str, server: tuple[str, str], authority: str) -> None:
        self.name, self._server = f"mesh-device-{secrets.token_hex(3)}", server[0]
        trust = ("--env", f"SSL_CERT_FILE={_AUTHORITY}", "--env", "TS_NO_LOGS_NO_SUPPORT=true")
        place = ("--network", network, "--add-host", ":".join(server), "--entrypoint", "sleep")
        docker("run", "--detach", "--init", "--name", self.name, *place, *trust, TAILSCALE, "infinity")
        try:
            docker("exec", "-i", self.name, "sh", "-c", f"cat >{_AUTHORITY}", stdin=authority)
            # No interface: connections are opened by its own command, so it needs no right of the machine's.
            docker("exec", "--detach", self.name, "tailscaled", "--tun=userspace-networking", "--state=mem:")
            listens = ["docker", "exec", self.name, "test", "-S", _SOCKET]
            until(lambda: subprocess.run(listens, check=False).returncode == 0, "the device's client does not run")
        except BaseException:
            self.remove()
            raise

    def join(self, key: str, seconds: int = 30) -> subprocess.CompletedProcess[str]:
        """Joins with a key, as its person does."""
        words = (f"--login-server=https://{self._server}", "--auth-key=file:/run/key", f"--timeout={seconds}s")
        script = f"cat >/run/key; tailscale up --reset --force-reauth --accept-dns=true {' '.join(words)} 2>&1"
        argv = ["docker", "exec", "-i", self.name, "sh", "-c", script]
        return subprocess.run(argv, input=key, capture_output=True, text=True, check=False, timeout=seconds + 30)

    def ssh(self, folder: Path, domain: str) -> str:
        """PATH with an ``ssh`` in front that comes to members, whose names end in the domain, by this device."""
        folder.mkdir(exist_ok=True)
        real = subprocess.run(["which", "ssh"], capture_output=True, text=True, check=True).stdout.strip()
        path = folder / "ssh"
        path.write_text(_SSH.format(domain=domain, ssh=real, name=self.name))
        path.chmod(0o755)
        return f"{folder}:{os.environ['PATH']}"

    def remove(self) -> None:
        """The device; the control server keeps its node."""
        subprocess.run(["docker", "rm", "-f", "-v", self.name], capture_output=True, check=False)
