"""Where this machine's Docker answers: as the docker command finds it, for all who do not go through that command.

Docker Desktop, Colima, OrbStack and rootless Docker set a context and no DOCKER_HOST; the docker provider and Docker's
SDKs know of no contexts (pulumi/pulumi-docker#603, #720).

Source: docker/cli, cli/command/cli.go, resolveContextName: DOCKER_HOST, then DOCKER_CONTEXT, then `currentContext` of
the file config.json.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

SOCKET = "unix:///var/run/docker.sock"
"""Where Docker answers that nobody has put elsewhere."""
_FILES = ("ca.pem", "cert.pem", "key.pem")
_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An address of a Docker daemon.

    Attributes:
        host: As DOCKER_HOST has it.
        certificates: Folder of ca.pem, cert.pem and key.pem, where the daemon asks for TLS; empty: it does not.
        context: The docker context that says so; empty: none does.
    """

    host: str
    certificates: str = ""
    context: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """Variables under which the docker command, and whatever else reads them, goes to this daemon."""
        tls = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": self.certificates} if self.certificates else {}
        return {"DOCKER_HOST": self.host, **tls}


def endpoint(environ: Mapping[str, str] | None = None) -> Endpoint:
    """The daemon that the docker command speaks to in this environment.

    Raises:
        ToolError: The context is not there, or one that can only be used by the docker command.
    """
    environ = os.environ if environ is None else environ
    if environ.get("DOCKER_HOST"):
        verified = environ.get("DOCKER_CERT_PATH", "") if environ.get("DOCKER_TLS_VERIFY") else ""
        return Endpoint(host=environ["DOCKER_HOST"], certificates=verified)
    docker = shutil.which("docker", path=environ.get("PATH"))
    # An empty DOCKER_HOST is the default context, as for the docker command.
    if docker is None or "DOCKER_HOST" in environ:
        return Endpoint(host=SOCKET)
    try:
        done = subprocess.run(
            [docker, "context", "inspect"],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        items = json.loads(done.stdout or "[]") if done.returncode == 0 else []
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise _refused("docker context inspect", f"cannot be understood ({error})") from None
    if done.returncode or not items:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        if "is not a docker command" in said or "unknown command" in said:
            return Endpoint(host=SOCKET)
        raise _refused("docker context", said)
    return _of_context(items[0])


def here() -> dict[str, str]:
    """The environment of a docker command that means this machine's daemon; empty where that is in its usual place.

    Raises:
        ToolError: As `endpoint`.
    """
    daemon = endpoint()
    return {} if daemon.host == SOCKET else daemon.environment


def _of_context(context: dict[str, Any]) -> Endpoint:
    name = str(context.get("Name") or "")
    where = f"docker context {name}"
    about = (context.get("Endpoints") or {}).get("docker") or {}
    host = about.get("Host") or (SOCKET if name == "default" else "")
    if not host:
        raise _refused(where, "names no address of a Docker daemon")
    files = (context.get("TLSMaterial") or {}).get("docker") or []
    local = host.startswith(("unix://", "npipe://", "ssh://"))
    if local or not (files or about.get("SkipTLSVerify")):
        return Endpoint(host=host, context=name)
    if about.get("SkipTLSVerify"):
        raise _refused(where, "does not check the daemon's certificate (SkipTLSVerify), and homeport always does")
    if sorted(files) != sorted(_FILES):
        missing = ", ".join(file for file in _FILES if file not in files)
        raise _refused(where, f"has no {missing}, and the docker provider takes all three or none")
    folder = Path((context.get("Storage") or {}).get("TLSPath") or "", "docker")
    return Endpoint(host=host, certificates=str(folder), context=name)


def _refused(where: str, what: str) -> ToolError:
    fix = "docker context use default, or DOCKER_HOST=… with DOCKER_CERT_PATH=… where it asks for TLS"
    return ToolError(f"{where}: {what}\n  fix: {fix}")
