"""`docker:index/container:Container`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import quote

from toolchain.plugins import context
from toolchain.plugins.docker.container_body import body_of, restart_policy
from toolchain.plugins.docker.container_schema import CONTAINER
from toolchain.plugins.docker.container_state import read_back
from toolchain.plugins.docker.daemon import DaemonError
from toolchain.plugins.docker.device_body import throttles
from toolchain.plugins.docker.image import ensure_image
from toolchain.plugins.docker.logs import container_logs
from toolchain.plugins.docker.resource import DockerType
from toolchain.plugins.docker.uploads import archive_of
from toolchain.plugins.tfbridge.errors import after_creation

if TYPE_CHECKING:
    from toolchain.plugins.base import Props
    from toolchain.plugins.docker.daemon import Daemon
    from toolchain.plugins.tfbridge.schema import Block

_MB: Final = 1024 * 1024
_PAUSE: Final = 1.0
# Stopping waits for the container: the daemon answers only after its grace period.
_SPARE: Final = 60.0


class Container(DockerType):
    """A container of the daemon. Few properties change in place; most replace it, the old one first (D10, D16)."""

    schema: ClassVar[Block] = CONTAINER
    autoname: ClassVar[bool] = True
    delete_first: ClassVar[bool] = True
    conflicts: ClassVar[tuple[tuple[str, str], ...]] = (("deviceRequests", "gpus"),)

    def make(self, plan: Props, news: Props) -> str:
        """Creates it, joins its networks, uploads its files, starts it and waits as asked."""
        daemon, image = self.daemon(), plan["image"]
        try:
            ensure_image(daemon, image)
        except DaemonError as refused:
            raise DaemonError(f"Unable to create container with image {image}: {refused}") from refused
        body = body_of(daemon, plan)
        params = {"name": plan["name"]}
        if isinstance(plan["platform"], str):
            params["platform"] = plan["platform"]
        try:
            container = str(daemon.call("POST", "/containers/create", body, params=params)["Id"])
        except DaemonError as refused:
            raise DaemonError(f"Unable to create container: {refused}") from refused
        with after_creation(container):
            self._start_up(daemon, container, plan)
        return container

    @staticmethod
    def _start_up(daemon: Daemon, container: str, plan: Props) -> None:
        if plan["networksAdvanced"]:
            _join_networks(daemon, container, plan["networksAdvanced"])
        for upload in plan["uploads"]:
            _upload(daemon, container, upload)
        if plan["start"]:
            _start(daemon, container)
            if plan["wait"]:
                _wait_until_healthy(daemon, container, plan["waitTimeout"])
        if plan["attach"]:
            plan["containerLogs"] = _attached(daemon, container, plan)

    def look(self, id: str, state: Props) -> Props | None:
        """Inspects it."""
        container = self.daemon().find(f"/containers/{quote(id)}/json")
        return container and {"id": container["Id"], **read_back(container, state)}

    def change(self, id: str, old: Props, plan: Props) -> Props:
        """Starts it again, and sets restart policy and limits; a changed health check changes nothing (D11)."""
        if old.get("mustRun") is False and plan["mustRun"] and plan["start"]:
            _start(self.daemon(), id)
        watched = (
            *("restart", "maxRetryCount", "cpuShares", "memory", "memoryReservation", "cpuSet", "memorySwap"),
            *("deviceReadBps", "deviceReadIops", "deviceWriteBps", "deviceWriteIops"),
        )
        if all((old.get(key) or None) == (plan.get(key) or None) for key in watched):
            return {}
        swap = plan["memorySwap"] or 0
        body = {
            "RestartPolicy": restart_policy(plan),
            "CpuShares": plan["cpuShares"] or 0,
            "Memory": (plan["memory"] or 0) * _MB,
            "MemoryReservation": (plan["memoryReservation"] or 0) * _MB,
            "CpusetCpus": plan["cpuSet"] or "",
            "MemorySwap": swap * _MB if swap > 0 else swap,
            **throttles(plan),
        }
        try:
            self.daemon().call("POST", f"/containers/{id}/update", body)
        except DaemonError as refused:
            raise DaemonError(f"Unable to update a container: {refused}") from refused
        return {}

    def remove(self, id: str, state: Props) -> None:
        """Stops it within its grace period, 0 being SIGKILL at once (D14), and removes it."""
        daemon, grace = self.daemon(), max(state.get("destroyGraceSeconds") or 0, 0)
        if not state.get("attach"):
            try:
                daemon.call("POST", f"/containers/{id}/stop", params={"t": grace}, timeout=grace + _SPARE)
            except DaemonError as refused:
                if not refused.gone:
                    raise DaemonError(f"Error stopping container {id}: {refused}") from refused
        params = {"force": 1, "v": 1 if state.get("removeVolumes") else 0}
        try:
            daemon.call("DELETE", f"/containers/{id}", params=params)
        except DaemonError as refused:
            if not refused.gone and "is already in progress" not in str(refused):
                raise DaemonError(f"Error deleting container {id}: {refused}") from refused
        self._wait_until_gone(daemon, id, removed=bool(state.get("rm")))

    @staticmethod
    def _wait_until_gone(daemon: Daemon, id: str, *, removed: bool) -> None:
        condition = {"condition": "removed" if removed else "not-running"}
        try:
            daemon.call("POST", f"/containers/{id}/wait", params=condition)
        except DaemonError as refused:
            if not refused.gone and "is already in progress" not in str(refused):
                raise DaemonError(f"Error waiting for container removal '{id}': {refused}") from refused


def _attached(daemon: Daemon, container: str, plan: Props) -> str | None:
    """Waits for its end; its output when that is wanted.

    A daemon of 20.10 sometimes drops the last line of an output that it follows, so it is read in the end, unless the
    container is gone by then.
    """
    with_logs, gone = plan["logs"], plan["rm"]
    followed = container_logs(daemon, container, tty=plan["tty"], follow=True) if with_logs and gone else None
    try:
        daemon.call("POST", f"/containers/{container}/wait", params={"condition": "not-running"})
    except DaemonError as refused:
        if not gone or not refused.gone:
            raise DaemonError(f"Unable to wait container end of execution: {refused}") from refused
    return container_logs(daemon, container, tty=plan["tty"], follow=False) if with_logs and not gone else followed


def _start(daemon: Daemon, container: str) -> None:
    try:
        daemon.call("POST", f"/containers/{container}/start")
    except DaemonError as refused:
        raise DaemonError(f"Unable to start container: {refused}") from refused


def _join_networks(daemon: Daemon, container: str, networks: list[Props]) -> None:
    try:
        daemon.call("POST", "/networks/bridge/disconnect", {"Container": container, "Force": False})
    except DaemonError as refused:
        if "is not connected to the network bridge" not in str(refused):
            raise DaemonError(f"Unable to disconnect the default network: {refused}") from refused
    for network in networks:
        endpoint: Props = {
            "Aliases": network["aliases"],
            "IPAMConfig": {
                "IPv4Address": network["ipv4Address"],
                "IPv6Address": network["ipv6Address"],
                "LinkLocalIPs": network["linkLocalIps"],
            },
            "MacAddress": network["macAddress"],
            "DriverOpts": dict(option.split("=", 1) for option in network["driverOpts"] if "=" in option),
            "GwPriority": network["gwPriority"] or 0,
        }
        name = network["name"]
        try:
            daemon.call(
                "POST", f"/networks/{quote(name)}/connect", {"Container": container, "EndpointConfig": endpoint}
            )
        except DaemonError as refused:
            raise DaemonError(f"Unable to connect to network '{name}': {refused}") from refused


def _upload(daemon: Daemon, container: str, upload: Props) -> None:
    archive = archive_of(upload)
    headers = {"Content-Type": "application/x-tar"}
    params = {"path": "/", "noOverwriteDirNonDir": "true"}
    try:
        daemon.call("PUT", f"/containers/{container}/archive", archive, params=params, headers=headers)
    except DaemonError as refused:
        raise DaemonError(f"Unable to upload volume content: {refused}") from refused


def _wait_until_healthy(daemon: Daemon, container: str, seconds: int) -> None:
    """Asks once a second; a container without a health check fails at once (D19)."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            health = daemon.call("GET", f"/containers/{container}/json")["State"].get("Health")
        except DaemonError as refused:
            raise DaemonError(f"error inspecting container state: {refused}") from refused
        if health is None:
            raise DaemonError(
                "you have supplied a 'wait' argument, but the container does not have a healthcheck defined. "
                "Please remove the 'wait' argument or add a 'healthcheck' attribute"
            )
        if health["Status"] == "healthy":
            return
        left = deadline - time.monotonic()
        if left <= 0:
            raise DaemonError("container failed to be in healthy state")
        context.current().sleep(min(_PAUSE, left))
