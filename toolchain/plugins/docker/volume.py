"""`docker:index/volume:Volume`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import quote

from toolchain.plugins import context
from toolchain.plugins.base import UNKNOWN

from .daemon import DaemonError
from .network import labels_from, labels_of
from .other_schemas import VOLUME
from .resource import Bridged

if TYPE_CHECKING:
    from toolchain.plugins.base import Props

    from .tfschema import Block

_GONE: Final = 404
_PATIENCE: Final = 30.0
_PAUSE: Final = 0.5


class Volume(Bridged):
    """A volume of the daemon. Cluster volumes need a daemon of 23.0 or later and are refused."""

    schema: ClassVar[Block] = VOLUME
    autoname: ClassVar[bool] = True

    def make(self, plan: Props) -> str:
        """Creates the volume, or takes one of that name that exists, as Docker does."""
        if plan["cluster"] is not None:
            raise DaemonError(
                "You have supplied a 'cluster' block for your docker_volume resource. This is supported starting with "
                f"client version '1.42', but you have {self.daemon().version}"
            )
        body: Props = {"Name": plan["name"], "Labels": labels_of(plan["labels"]), "DriverOpts": plan["driverOpts"]}
        if plan["driver"] is not UNKNOWN:
            body["Driver"] = plan["driver"]
        try:
            return str(self.daemon().call("POST", "/volumes/create", body)["Name"])
        except DaemonError as refused:
            raise DaemonError(f"Unable to create volume: {refused}", refused.status) from refused

    def look(self, id: str, state: Props) -> tuple[str, Props] | None:  # noqa: A002, ARG002
        """Inspects it."""
        try:
            found = self.daemon().call("GET", f"/volumes/{quote(id)}")
        except DaemonError as refused:
            if refused.status == _GONE:
                return None
            raise DaemonError(f"Unable to inspect volume: {refused}", refused.status) from refused
        return id, {
            "name": found["Name"],
            "labels": labels_from(found["Labels"]),
            "driver": found["Driver"],
            "driverOpts": found["Options"] or {},
            "mountpoint": found["Mountpoint"],
        }

    def remove(self, id: str, state: Props) -> None:  # noqa: A002, ARG002
        """Removes it; waits for a container that is just leaving."""
        waited = 0.0
        while True:
            try:
                self.daemon().call("DELETE", f"/volumes/{quote(id)}", params={"force": 1})
            except DaemonError as refused:
                if refused.status == _GONE:
                    return
                if "volume is in use" not in str(refused):
                    raise
                if waited >= _PATIENCE:
                    raise DaemonError(
                        "timeout while waiting for state to become 'removed' (last state: 'in_use', timeout: 30s)"
                    ) from refused
            else:
                return
            context.current().sleep(_PAUSE)
            waited += _PAUSE
