"""What was changed behind Pulumi's back in Docker: containers, networks, volumes, and the files laid into volumes.

A quick look of our own, a few calls of Docker for a whole stack: a refresh asks for each resource by itself, and sees
neither a volume's content nor a paused container. What is found is handed to the update as flags: a refresh for what it
sees, a replacement for the rest.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homeport.cli import daemon
from homeport.cli.deployed import is_template
from homeport.cli.phases import say
from homeport.model import names
from homeport.model.errors import ToolError
from homeport.render.files import PENDING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from homeport.cli.pulumi_cli import PulumiCli

_KINDS = {
    "docker:index/container:Container": "container",
    "docker:index/network:Network": "network",
    "docker:index/volume:Volume": "volume",
}
_IMAGE = "docker:index/remoteImage:RemoteImage"
_COMMAND = "command:local:Command"
_DELIVER = "sh components/scripts/deliver.sh "
_ROUTES = "sh components/scripts/routes.sh "
_CONNECT = "sh components/scripts/connect.sh connect "
_GATE = "sh components/scripts/gate.sh "
_LIVE = "sh components/scripts/deployed.sh apply "
_NO_NETWORK = {"none", "bridge", None}
"""What a container is made on that has no network, or leaves before it starts (components/container.py)."""
_STOPPED = {"exited", "created", "dead"}
_MEGABYTE = 1 << 20
_NANO = 1_000_000_000

Digests = dict[str, dict[str, str]]
"""Volume to its delivered paths, each with a keyed digest of kind, owner, mode and content."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is not as the last update left it.

    Attributes:
        what: A sentence for a person.
        refresh: Whether a refresh sees it, so that the update makes it again.
        replace: URNs of resources that have to be replaced, since no refresh sees it.
        spoilt: A container and a volume that are removed before the update, since files can't be taken out of a volume.
        removed: URN of that container: a preview shows its replacement; after its removal the engine knows it no more.
        theirs: Id of a container that compose made in the place of one of the stack's; removed before the update.
    """

    what: str
    refresh: bool = False
    replace: tuple[str, ...] = ()
    spoilt: tuple[str, str] | None = None
    removed: tuple[str, ...] = ()
    theirs: str = ""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """All findings, and where they can be mended."""

    findings: tuple[Finding, ...] = ()

    @property
    def flags(self) -> tuple[str, ...]:
        """What `pulumi up` is told, once what is spoilt is removed."""
        refresh = ("--refresh",) if any(item.refresh for item in self.findings) else ()
        return (*refresh, *_replaced(urn for item in self.findings for urn in item.replace))

    @property
    def preview_flags(self) -> tuple[str, ...]:
        """What `pulumi preview` is told, while all of it is there."""
        return (*self.flags, *_replaced(urn for item in self.findings for urn in item.removed))

    def say(self) -> None:
        """One line for each finding."""
        for item in self.findings:
            say(f"    {item.what}")


def _replaced(urns: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"--replace={urn}" for urn in dict.fromkeys(urns))


@dataclass(frozen=True, kw_only=True)
class _Daemon:
    """A Docker daemon of the stack, as it is now."""

    where: Mapping[str, str]
    containers: dict[str, dict[str, Any]]
    networks: set[str]
    volumes: set[str]
    images: set[tuple[str, str]]


class Looked:
    """A state's resources beside what Docker has.

    Args:
        resources: Those of the state.
        wanted: What has been delivered, by volume.
        digest: Makes a keyed digest of a text of bytes.
    """

    def __init__(self, resources: Sequence[dict[str, Any]], wanted: Digests, digest: Callable[[bytes], str]) -> None:
        self._resources, self._wanted, self._digest = resources, wanted, digest
        self._commands = [item for item in resources if item.get("type") == _COMMAND]
        # An image that is named by its digest cannot become another one.
        images = [item for item in resources if item.get("type") == _IMAGE and "@" not in str(item["inputs"]["name"])]
        self._images = {item["inputs"]["name"]: (item.get("outputs") or {}).get("imageId") for item in images}
        self._owned: dict[str, list[dict[str, Any]]] = {kind: [] for kind in _KINDS.values()}
        for item in resources:
            if (kind := _KINDS.get(str(item.get("type")))) and item.get("id") and not item.get("delete"):
                self._owned[kind].append(item)

    def findings(self, daemons: Sequence[Mapping[str, str]]) -> Iterator[Finding]:
        """Everything that is not as the state has it.

        Raises:
            ToolError: A daemon does not answer.
        """
        with ThreadPoolExecutor() as pool:
            there = list(pool.map(self._inspected, daemons))
            containers = {key: item for one in there for key, item in one.containers.items()}
            volumes = {name for one in there for name in one.volumes}
            networks = {key for one in there for key in one.networks}
            images = {pair for one in there for pair in one.images}
            composed = self._of_compose(daemons, containers)
            found = [*self._of_containers(containers, composed), *self._of_networks(networks)]
            found += [*self._of_volumes(volumes), *self._of_images(images), *composed.values()]
            yield from found
            if found and any(item.spoilt is None and item.refresh for item in found):
                # What is made again is delivered again; what still runs is compared once that is done.
                containers = {key: item for key, item in containers.items() if item["State"]["Status"] == "running"}
            jobs = [job for one in there for job in self._deliveries(one, containers)]
            for finding in pool.map(self._of_delivery, *zip(*jobs, strict=True)) if jobs else ():
                if finding:
                    yield finding

    def _inspected(self, where: Mapping[str, str]) -> _Daemon:
        ids = {kind: [str(item["id"]) for item in items] for kind, items in self._owned.items()}
        ids["container"] += [_copy(item) for item in self._owned["container"] if is_template(item)]
        ids["volume"] = [str(item["outputs"]["name"]) for item in self._owned["volume"]]
        ids["image"] = list(self._images)
        with ThreadPoolExecutor() as pool:
            answers = dict(zip(ids, pool.map(lambda kind: daemon.inspect(kind, ids[kind], where), ids), strict=True))
        return _Daemon(
            where=where,
            containers={item["Id"]: item for item in answers["container"]},
            networks={item["Id"] for item in answers["network"]},
            volumes={item["Name"] for item in answers["volume"]},
            images={(tag, item["Id"]) for item in answers["image"] for tag in item.get("RepoTags") or ()},
        )

    def _of_containers(
        self, containers: Mapping[str, dict[str, Any]], composed: Mapping[str, Finding]
    ) -> Iterator[Finding]:
        running = [item for item in self._owned["container"] if not is_template(item)]
        stopped = any(
            item["id"] not in containers or containers[item["id"]]["State"]["Status"] != "running" for item in running
        )
        for item in running:
            if item["outputs"]["name"] in composed:
                continue
            if finding := self._of_container(item, containers.get(item["id"]), alone=not stopped):
                yield finding
        for item in self._owned["container"]:
            if is_template(item) and (finding := self._of_template(item, containers)):
                yield finding

    def _of_compose(
        self, daemons: Sequence[Mapping[str, str]], containers: Mapping[str, dict[str, Any]]
    ) -> dict[str, Finding]:
        """What `docker-compose up` has made in the place of containers that are gone, by their names."""
        found = {}
        gone = {
            str(item["outputs"]["name"]): _labels(item).get("homeport.stack")
            for item in self._owned["container"]
            if item["id"] not in containers
        }
        for where in daemons if gone else ():
            for item in daemon.inspect("container", sorted(gone), where):
                name, stack = item["Name"].removeprefix("/"), (item["Config"].get("Labels") or {}).get(names.COMPOSED)
                if stack and stack == gone[name]:
                    what = f"container {name} is one that compose made: it is taken away, and the stack's is made again"
                    found[name] = Finding(what=what, refresh=True, theirs=item["Id"])
        return found

    def _of_template(self, resource: dict[str, Any], containers: Mapping[str, dict[str, Any]]) -> Finding | None:
        """A template is there, and its copy runs: which image that has is not the stack's."""
        name, service = str(resource["outputs"]["name"]), _copy(resource)
        if resource["id"] not in containers:
            return Finding(what=f"container {name} is gone: it is made again", refresh=True)
        live = next((item for item in containers.values() if item["Name"] == f"/{service}"), None)
        state: dict[str, Any] = live["State"] if live else {"Status": "gone"}
        if state["Status"] == "running" and (state.get("Health") or {}).get("Status") != "unhealthy":
            return None
        how = "unhealthy" if state["Status"] == "running" else state["Status"]
        replace = tuple(item["urn"] for item in self._commands if _words(item) == [*_LIVE.split(), service])
        return Finding(
            what=f"container {service} is {how}: it is made anew, of the image that is live", replace=replace
        )

    def _of_container(self, resource: dict[str, Any], current: dict[str, Any] | None, *, alone: bool) -> Finding | None:
        name, urn = str(resource["outputs"]["name"]), str(resource["urn"])
        gate = tuple(item["urn"] for item in self._commands if _words(item)[:3] == [*_GATE.split(), name])
        if current is None:
            return Finding(what=f"container {name} is gone: it is made again", refresh=True)
        state = current["State"]
        status, ended = state["Status"], f"stopped (exit code {state.get('ExitCode')})"
        if status in _STOPPED:
            return Finding(what=f"container {name} is {ended}: it is started again", refresh=True, replace=gate)
        networks, lost = self._networks(resource, current)
        changed = _changed(resource["outputs"], current, self._pids(name), networks)
        unhealthy = (state.get("Health") or {}).get("Status") == "unhealthy"
        if status == "restarting" or (unhealthy and not alone):
            # Unhealthy beside others that are away: what it needs may be among them, and then it recovers by itself.
            what = "restarts again and again" if status == "restarting" else "is unhealthy"
            return Finding(what=f"container {name} {what}: its health is waited for", replace=gate)
        if status == "paused" or unhealthy or changed:
            how = (
                f"was changed by hand ({changed})" if changed else "is paused" if status == "paused" else "is unhealthy"
            )
            return Finding(what=f"container {name} {how}: it is replaced", replace=(urn,))
        if lost:
            off = ", ".join(lost.values())
            return Finding(what=f"container {name} was taken off {off} by hand: it is connected", replace=tuple(lost))
        return None

    def _networks(self, resource: Mapping[str, Any], current: Mapping[str, Any]) -> tuple[set[str], dict[str, str]]:
        """What a container was created on and is connected to; and, by the URN of the command, what it no longer is."""
        there = (current.get("NetworkSettings") or {}).get("Networks") or {}
        inputs = resource["inputs"]
        networks = {inputs.get("networkMode"), *(item["name"] for item in inputs.get("networksAdvanced") or ())}
        connected = {
            str(item["urn"]): words[5]
            for item in self._commands
            if (words := _words(item))[:4] == [*_CONNECT.split(), resource["id"]]
        }
        lost = {urn: network for urn, network in connected.items() if network not in there}
        return {*networks, *(set(connected.values()) - set(lost.values()))} - _NO_NETWORK, lost

    def _pids(self, container: str) -> int | None:
        for item in self._commands:
            words = _words(item)
            if words[:3] == [*_GATE.split(), container]:
                return int(words[3])
        return None

    def _of_networks(self, networks: set[str]) -> Iterator[Finding]:
        for item in self._owned["network"]:
            if item["id"] not in networks:
                what = f"network {item['outputs']['name']} is gone: it is made again, and what is attached to it"
                yield Finding(what=what, refresh=True)

    def _of_volumes(self, volumes: set[str]) -> Iterator[Finding]:
        for item in self._owned["volume"]:
            name = str(item["outputs"]["name"])
            if name not in volumes:
                labels = {row["label"]: row["value"] for row in item["outputs"].get("labels") or ()}
                folder = (item["outputs"].get("driverOpts") or {}).get("device")
                gone = f", as the folder {folder}" if folder else " EMPTY, its data is gone (restore it from a backup)"
                lost = gone if _holds_data(labels) else ""
                what = f"volume {name} is gone: it is made again{lost}"
                yield Finding(what=what, refresh=True, replace=self._deliverers(name))

    def _of_images(self, images: set[tuple[str, str]]) -> Iterator[Finding]:
        for name, image in self._images.items():
            if image and (name, image) not in images:
                what = f"image {name} is another than that of the last update: what runs from it is replaced"
                yield Finding(what=what, refresh=True)

    def _deliverers(self, volume: str) -> tuple[str, ...]:
        scripts = [[*_DELIVER.split(), volume], [*_ROUTES.split(), volume]]
        return tuple(item["urn"] for item in self._commands if _words(item)[:3] in scripts)

    def _routes(self, volume: str) -> tuple[str, ...]:
        return tuple(item["urn"] for item in self._commands if _words(item)[:3] == [*_ROUTES.split(), volume])

    def _deliveries(
        self, there: _Daemon, containers: Mapping[str, dict[str, Any]]
    ) -> Iterator[tuple[_Daemon, str, dict[str, Any], str]]:
        owned = {item["id"] for item in self._owned["container"]}
        for key in there.containers.keys() & containers.keys() & owned:
            for mount in there.containers[key].get("Mounts") or ():
                if mount.get("Name") in self._wanted:
                    yield there, mount["Name"], there.containers[key], mount["Destination"]

    def _of_delivery(self, there: _Daemon, volume: str, container: dict[str, Any], path: str) -> Finding | None:
        name = container["Name"].removeprefix("/")
        done = daemon.raw("cp", f"{container['Id']}:{path}", "-", where=there.where)
        if done.returncode:
            return None
        wanted, current = self._wanted[volume], digests(done.stdout, self._digest)
        routes = self._routes(volume)
        # What else lies beside the routes is of a killed run, and nothing leads to it.
        paths = {*wanted} if routes else {*wanted, *current}
        different = sorted(path for path in paths if path and wanted.get(path) != current.get(path))
        if not different:
            return None
        shown = ", ".join(different[:3]) + (f" and {len(different) - 3} more" if len(different) > 3 else "")  # noqa: PLR2004
        if routes:
            what = f"volume {volume}: {shown} was changed by hand: {name} takes its routes anew"
            return Finding(what=what, replace=routes)
        what = f"volume {volume}: {shown} was changed by hand: {name} gets its files anew, and is replaced"
        owner = tuple(item["urn"] for item in self._owned["container"] if item["id"] == container["Id"])
        replace = self._deliverers(volume)
        return Finding(what=what, refresh=True, replace=replace, spoilt=(name, volume), removed=owner)


Place = Callable[["PulumiCli"], "Sequence[Finding]"]
"""A further place to look at: files on hosts, say. It may not change anything."""


def look(pulumi: PulumiCli, places: Sequence[Place] = ()) -> Drift:
    """What is not as the last update left it, on all hosts.

    A host that does not answer is named and passed over: the update may be what brings it back.
    """
    if not any(item.get("type") in _KINDS for item in pulumi.state().get("resources") or []):
        return Drift()
    resources = pulumi.secret_state().get("resources") or []

    def digest(content: bytes) -> str:
        return hashlib.sha256(content).hexdigest()

    found: list[Finding] = []
    try:
        found += Looked(resources, delivered(resources, digest), digest).findings(pulumi.daemons())
        for place in places:
            found += place(pulumi)
    except ToolError as error:
        say(f"    what was changed by hand is not seen: {str(error).splitlines()[0]}")
    return Drift(findings=tuple(found))


def remove_spoilt(pulumi: PulumiCli, drift: Drift) -> None:
    """Removes what was changed by hand in a volume of files, with its container, and what compose made.

    The update makes them again.
    """
    for where in pulumi.daemons():
        for item in drift.findings:
            if item.spoilt:
                container, volume = item.spoilt
                daemon.run("stop", container, where=where, check=False)
                daemon.run("rm", "--force", container, where=where, check=False)
                daemon.run("volume", "rm", volume, where=where, check=False)
            if item.theirs:
                daemon.run("stop", item.theirs, where=where, check=False)
                daemon.run("rm", "--force", item.theirs, where=where, check=False)


def delivered(resources: Sequence[dict[str, Any]], digest: Callable[[bytes], str]) -> Digests:
    """What the state's commands have laid into volumes, those with data aside: there a service works."""
    data = {
        str(item["outputs"]["name"])
        for item in resources
        if _KINDS.get(str(item.get("type"))) == "volume" and _holds_data(_labels(item))
    }
    wanted: Digests = {}
    commands = [
        (_words(item), _plain(item["inputs"].get("stdin"))) for item in resources if item.get("type") == _COMMAND
    ]
    for words, text in commands:
        if words[:2] == _DELIVER.split() and words[2] not in data:
            wanted[words[2]] = digests(base64.b64decode(text), digest)
    # After what a proxy began with: its routes have taken that one's place.
    for words, text in commands:
        if words[:2] == _ROUTES.split():
            laid = digests(base64.b64decode(text.rpartition("\n")[2]), digest)
            wanted[words[2]] = {path.removesuffix(PENDING): content for path, content in laid.items()}
    return {volume: paths for volume, paths in wanted.items() if ".homeport" not in paths}


def waits(resources: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Container to the seconds within which its gate wants it healthy."""
    gates = [_words(item) for item in resources if item.get("type") == _COMMAND]
    return {words[2]: int(words[4]) for words in gates if words[:2] == _GATE.split() and words[4:]}


def digests(archive: bytes, digest: Callable[[bytes], str]) -> dict[str, str]:
    """Each path of a tar below its one folder, with a digest of what it is; the folder itself is the empty path."""
    paths = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isfile() else None
            kind = "file" if member.isfile() else "folder" if member.isdir() else f"link {member.linkname}"
            head = f"{kind} {member.uid} {member.gid} {member.mode & 0o7777:o}\n".encode()
            path = member.name.partition("/")[2].rstrip("/")
            paths[path] = digest(head + (file.read() if file else b""))
    return paths


def _changed(outputs: Mapping[str, Any], current: Mapping[str, Any], pids: int | None, networks: set[str]) -> str:
    """What `docker update`, `docker network` and `docker rename` can change, in words; nothing where nothing was."""
    host = current["HostConfig"]
    pairs = {
        "name": (outputs["name"], current["Name"].removeprefix("/")),
        "memory": (int(outputs.get("memory") or 0) * _MEGABYTE, host.get("Memory")),
        "processor": (round(float(outputs.get("cpus") or 0) * _NANO), host.get("NanoCpus")),
        "restart policy": (outputs.get("restart"), (host.get("RestartPolicy") or {}).get("Name")),
        "limit of processes": (pids, host.get("PidsLimit") if pids else None),
        "networks": (networks, set((current.get("NetworkSettings") or {}).get("Networks") or {}) - {"none"}),
    }
    return ", ".join(what for what, (before, now) in pairs.items() if before != now)


def _copy(resource: Mapping[str, Any]) -> str:
    """The container that is a copy of a template."""
    return next(str(row["value"]) for row in resource["inputs"]["labels"] if row["label"] == "homeport.template")


def _labels(resource: Mapping[str, Any]) -> dict[str, str]:
    return {row["label"]: row["value"] for row in (resource.get("outputs") or {}).get("labels") or ()}


def _holds_data(labels: Mapping[str, str]) -> bool:
    # A shared volume says nothing of data: it has no owner whose data it could be.
    return labels.get("homeport.data", "true") == "true"


def _words(command: Mapping[str, Any]) -> list[str]:
    return _plain((command.get("inputs") or {}).get("create")).split()


def _plain(value: Any) -> str:
    """A text of a state that was exported with its secrets: those are JSON inside of an envelope."""
    if isinstance(value, dict):
        value = json.loads(value["plaintext"]) if "plaintext" in value else ""
    return value if isinstance(value, str) else ""
