"""`docker:index/volume:Volume`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import quote

from toolchain.plugins.base import UNKNOWN
from toolchain.plugins.docker.daemon import DaemonError
from toolchain.plugins.docker.labels import LABEL, labels_from, labels_of
from toolchain.plugins.docker.resource import DockerType, remove_when_free
from toolchain.plugins.docker.validators import one_of
from toolchain.plugins.tfbridge.schema import Block, frozen, group, listing, mapping, text

if TYPE_CHECKING:
    from toolchain.plugins.base import Props

_CLUSTER: Final[Block] = {
    **frozen(
        {
            "scope": text(default="single", check=one_of("single", "multi")),
            "sharing": text(default="none", check=one_of("none", "readonly", "onewriter", "all")),
            "type": text(default="block", check=one_of("mount", "block")),
            "topologyPreferred": text(default=""),
            "topologyRequired": text(default=""),
            "requiredBytes": text(),
            "limitBytes": text(),
            "group": text(default=""),
        }
    ),
    "id": text(is_input=False, computed=True),
    "availability": text(default="active", check=one_of("active", "pause", "drain")),
}

VOLUME: Final[Block] = {
    **frozen(
        {
            "name": text(computed=True),
            "labels": group(LABEL),
            "driver": text(computed=True),
            "driverOpts": mapping(),
        }
    ),
    "mountpoint": text(is_input=False, computed=True),
    "cluster": listing(_CLUSTER, single=True),
}


class Volume(DockerType):
    """A volume of the daemon. Cluster volumes need a daemon of 23.0 or later and are refused."""

    schema: ClassVar[Block] = VOLUME
    autoname: ClassVar[bool] = True

    def make(self, plan: Props, news: Props) -> str:
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

    def look(self, id: str, state: Props) -> Props | None:
        """Inspects it."""
        try:
            volume = self.daemon().find(f"/volumes/{quote(id)}")
        except DaemonError as refused:
            raise DaemonError(f"Unable to inspect volume: {refused}", refused.status) from refused
        return volume and {
            "name": volume["Name"],
            "labels": labels_from(volume["Labels"]),
            "driver": volume["Driver"],
            "driverOpts": volume["Options"] or {},
            "mountpoint": volume["Mountpoint"],
        }

    def remove(self, id: str, state: Props) -> None:
        """Removes it."""
        path = f"/volumes/{quote(id)}"
        remove_when_free(self.daemon(), path, busy="volume is in use", state="in_use", params={"force": 1})
