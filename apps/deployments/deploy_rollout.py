"""One service of this host under another image: beside the old one first, in its place only once it is healthy.

The container that runs is a copy of its template, which is made by Pulumi and never started: all that the service is,
its image aside. So Pulumi owns the specification, and a deployment the image (docs/adr/0016).
"""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from deploy_engine import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy_engine import Engine, Record

UNHEALTHY: Final = 2
"""Exit code: the new image does not work, and the old one runs as before."""
BUSY: Final = 4
"""Exit code: another deployment of the service is under way."""
MARKS: Final = "homeport.deployed"
"""Repository, on this host alone, whose names say which image is live: ``<mark>/<service>:current``, ``:previous``."""
_TEMPLATE, _NEXT, _OLD = "-template", "-next", "-old"
_COPIED: Final = "homeport.copied"
_SPARE: Final = 60
_STRANGER: Final = re.compile("no basic auth credentials|unauthorized|denied|authentication required", re.IGNORECASE)


@dataclass(frozen=True)
class Template:
    """What a service is.

    Attributes:
        name: The service's container.
        id: The template's id; another one is another specification.
        repository: Where its images are kept.
        image: The image that it had first.
        inherited: What that image says itself, of what a container has from its image.
        gate: Seconds that it may take to get healthy.
        pids: Processes that it may have; 0: Docker's own limit.
        seen: All that Docker says of the template.
    """

    name: str
    id: str
    repository: str
    image: str
    inherited: Record
    gate: int
    pids: int
    seen: Record


def template(engine: Engine, name: str) -> Template:
    """The template of a service.

    Raises:
        DeployError: There is none: it is no service, or one whose image is Pulumi's.
    """
    seen = engine.container(f"{name}{_TEMPLATE}")
    if seen is None:
        shown = ", ".join(services(engine)) or "none"
        raise DeployError(
            f"{name}: no container {name}{_TEMPLATE} on this host, so nothing that can be deployed\n"
            f"fix: take one of: {shown}"
        )
    labels = seen["Config"]["Labels"] or {}
    return Template(
        name=name,
        id=seen["Id"],
        repository=repository_of(labels.get("homeport.image", "")),
        image=seen["Image"],
        inherited=(engine.image(seen["Image"]) or {}).get("Config") or {},
        gate=int(labels.get("homeport.gate", "120")),
        pids=int(labels.get("homeport.pids", "0")),
        seen=seen,
    )


def services(engine: Engine) -> list[str]:
    """The services of this host that are deployed by their images."""
    listed: list[Record] = engine.call("GET", "/containers/json", all="true", filters='{"label":["homeport.template"]}')
    return sorted(row["Names"][0].removeprefix("/").removesuffix(_TEMPLATE) for row in listed)


def repository_of(reference: str) -> str:
    """A reference less its tag and digest: a colon behind the last slash begins a tag, one before it a port."""
    name = reference.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def _mark(name: str, which: str) -> str:
    return f"{MARKS}/{name}:{which}"


def current(engine: Engine, name: str) -> str:
    """The id of the image that is live, or was when its container was there last; empty: none was deployed."""
    return str((engine.image(_mark(name, "current")) or {}).get("Id", ""))


class Rollout:
    """The change of one service from one image to another.

    Args:
        engine: The host's Docker.
        name: The service's container.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine, self._template = engine, template(engine, name)
        self._name, self._next, self._old = name, f"{name}{_NEXT}", f"{name}{_OLD}"

    def apply(self) -> str:
        """Makes the container what its template says, with the image that is live; what was done, in words.

        Raises:
            DeployError: It does not get healthy.
        """
        image = current(self._engine, self._name) or self._template.image
        self._mend()
        seen = self._engine.container(self._name)
        if seen and seen["State"]["Running"] and self._is(seen, image):
            return f"{self._name}: as it was"
        if seen is None or not seen["State"]["Running"]:
            # Nothing to lose: whoever runs this waits for its health, and shows its last lines less their secrets.
            self._engine.remove(self._name)
            self._create(self._name, image)
            self._engine.start(self._name)
        else:
            self._change(image)
        return f"{self._name}: {self._shown(image)} is live"

    def deploy(self, tag: str) -> str:
        """Puts an image of the service's repository live; what was done, in words.

        Args:
            tag: A tag, a digest (``sha256:…``), or nothing: the image that was live before.

        Raises:
            DeployError: There is no such image, or it does not get healthy: then the old one runs on.
        """
        image = self._found(tag) if tag else self._previous()
        self._mend()
        seen = self._engine.container(self._name)
        if seen and seen["State"]["Running"] and self._is(seen, image):
            if (before := current(self._engine, self._name)) != image:
                # Killed after it had changed the container, it could not say so.
                self._remember(image, before)
            return f"{self._name}: {self._shown(image)} is live already"
        self._change(image)
        self._remember(image, seen["Image"] if seen else "")
        return f"{self._name}: {self._shown(image)} is live"

    def tags(self) -> Iterator[str]:
        """A line for each image of the service that is on this host, newest first: tags, day, what it is."""
        here = current(self._engine, self._name)
        before = str((self._engine.image(_mark(self._name, "previous")) or {}).get("Id", ""))
        listed: list[Record] = self._engine.call("GET", "/images/json")
        own = f"{self._template.repository}:"
        for row in sorted(listed, key=lambda row: -int(row["Created"])):
            tags = [tag.removeprefix(own) for tag in row.get("RepoTags") or () if tag.startswith(own)]
            states = [word for word, image in (("live", here), ("previous", before)) if image == row["Id"]]
            if tags or states:
                day = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(row["Created"]))
                yield "  ".join([" ".join(sorted(tags)) or "-", day, row["Id"][7:19], *states])

    def end(self) -> None:
        """Takes the containers away; which image was live is remembered on the host."""
        for name in (self._next, self._old, self._name):
            self._engine.remove(name)

    def _found(self, tag: str) -> str:
        """The id of an image that the registry has: what was never pushed could not be had again."""
        repository = self._template.repository
        reference = f"{repository}@{tag}" if tag.startswith("sha256:") else f"{repository}:{tag}"
        seen = self._engine.image(reference)
        if seen is None:
            done = subprocess.run(["docker", "pull", "--quiet", reference], capture_output=True, text=True, check=False)
            seen = self._engine.image(reference)
            if done.returncode or seen is None:
                last = (done.stderr.strip().splitlines() or ["docker pull says nothing"])[-1]
                if _STRANGER.search(last):
                    fix = f"fix: docker login {repository.partition('/')[0]}, then the same again"
                    raise DeployError(f"{reference}: not here, and its registry asks who you are: {last}\n{fix}")
                raise DeployError(f"{reference}: no such image here, nor in its registry: {last}\n{self._fix()}")
        if not any(digest.startswith(f"{repository}@") for digest in seen.get("RepoDigests") or ()):
            raise DeployError(
                f"{reference}: its registry never had it, so nobody knows its digest\nfix: docker push {reference}"
            )
        return str(seen["Id"])

    def _previous(self) -> str:
        seen = self._engine.image(_mark(self._name, "previous"))
        if seen is None:
            raise DeployError(f"{self._name}: nothing was live before what is live now\n{self._fix()}")
        return str(seen["Id"])

    def _fix(self) -> str:
        return f"fix: rollback-service.sh --list {self._name}"

    def _shown(self, image: str) -> str:
        own = f"{self._template.repository}:"
        tags = (self._engine.image(image) or {}).get("RepoTags") or ()
        return next((tag for tag in sorted(tags) if tag.startswith(own) and not tag.endswith(":latest")), image[7:19])

    def _is(self, seen: Record, image: str) -> bool:
        copied = (seen["Config"]["Labels"] or {}).get(_COPIED)
        return bool(seen["Image"] == image and copied == self._template.id)

    def _mend(self) -> None:
        """Puts right what a killed deployment left.

        Raises:
            DeployError: It was not killed: it is under way.
        """
        engine, seconds = self._engine, 2 * self._template.gate + _SPARE
        if seen := engine.container(self._next):
            begun = int((seen["Config"]["Labels"] or {}).get("homeport.begun", "0"))
            if time.time() - begun < seconds and not self._template_changed(seen):
                raise DeployError(
                    f"{self._name}: another deployment is under way, or was killed less than {seconds} s ago\n"
                    f"fix: wait for it, or: docker rm -f {self._next}",
                    BUSY,
                )
            engine.remove(self._next)
        if engine.container(self._old) is None:
            return
        seen = engine.container(self._name)
        if seen and seen["State"]["Running"] and not engine.healthy(self._name, self._template.gate):
            engine.remove(self._old)
            return
        self._back()

    def _template_changed(self, seen: Record) -> bool:
        return (seen["Config"]["Labels"] or {}).get(_COPIED) != self._template.id

    def _back(self) -> None:
        """The old container in its place again."""
        self._engine.remove(self._name)
        self._engine.rename(self._old, self._name)
        self._engine.start(self._name)

    def _change(self, image: str) -> None:
        engine, gate = self._engine, self._template.gate
        if engine.container(self._name) is None:
            self._create(self._name, image)
            engine.start(self._name)
            self._checked(self._name, image, "nothing ran before it")
            return
        # Beside the old one: on its networks under its name too, on the host under ports that are free.
        self._create(self._next, image, beside=True)
        try:
            engine.start(self._next)
            self._checked(self._next, image, "the old one was not touched")
            engine.rename(self._name, self._old)
            try:
                self._create(self._name, image)
                # From here the port has nobody, until the new one listens: the proxy waits for it and tries again.
                engine.stop(self._old)
                engine.start(self._name)
                self._checked(self._name, image, "the old one runs again")
            except BaseException:
                self._back()
                engine.healthy(self._name, gate)
                raise
            engine.remove(self._old)
        finally:
            engine.remove(self._next)

    def _checked(self, name: str, image: str, instead: str) -> None:
        problem = self._engine.healthy(name, self._template.gate)
        if problem:
            raise DeployError(
                f"{self._name}: {self._shown(image)} does not work: {problem}; {instead}\n"
                f"{self._engine.last_words(name)}"
                f"fix: mend it and deploy again; what can be had: rollback-service.sh --list {self._name}",
                UNHEALTHY,
            )

    def _remember(self, image: str, before: str) -> None:
        if before and before != image:
            self._engine.tag(before, f"{MARKS}/{self._name}", "previous")
        self._engine.tag(image, f"{MARKS}/{self._name}", "current")

    def _create(self, name: str, image: str, *, beside: bool = False) -> None:
        body, further = copy(self._template, image, beside=beside)
        self._engine.create(name, body, further)


def copy(template: Template, image: str, *, beside: bool = False) -> tuple[Record, Record]:
    """What makes a container like the template under another image, and the networks that it joins afterwards.

    Args:
        template: The template.
        image: Id of the image.
        beside: Whether the old one still runs: its ports are taken, and any free ones do.
    """
    seen = template.seen
    config = _said(seen["Config"], template.inherited)
    labels = {key: value for key, value in (config.pop("Labels") or {}).items() if key != "homeport.template"}
    labels |= {_COPIED: template.id, "homeport.copy": template.name, "homeport.begun": str(int(time.time()))}
    host: Record = dict(seen["HostConfig"])
    if template.pids:
        host["PidsLimit"] = template.pids
    if beside:
        host["PortBindings"] = {
            port: [{**binding, "HostPort": ""} for binding in bindings]
            for port, bindings in (host.get("PortBindings") or {}).items()
        }
    aliases = [template.name] if beside else []
    networks = {
        network: _endpoint(endpoint, aliases) for network, endpoint in seen["NetworkSettings"]["Networks"].items()
    }
    main = str(host["NetworkMode"])
    first = {network: networks.pop(network) for network in [main] if network in networks}
    if main in {"bridge", "default", "none", "host"}:
        # Docker's own networks know no names.
        first = {}
    body = {
        **config,
        "Image": image,
        "Labels": labels,
        "HostConfig": host,
        "NetworkingConfig": {"EndpointsConfig": first},
    }
    return body, {} if main == "host" else networks


def _said(config: Record, inherited: Record) -> Record:
    """What was said of a container; the rest it has from its image, and the next image may say something else."""
    said: Record = {key: value for key, value in config.items() if key != "Image"}
    for key, value in inherited.items():
        if said.get(key) == value and key not in {"Env", "Labels"}:
            said.pop(key, None)
    said["Env"] = [row for row in config.get("Env") or () if row not in (inherited.get("Env") or ())]
    labels, own = inherited.get("Labels") or {}, config.get("Labels") or {}
    said["Labels"] = {key: value for key, value in own.items() if labels.get(key) != value}
    return said


def _endpoint(endpoint: Record, aliases: list[str]) -> dict[str, Any]:
    wanted = {"Aliases": aliases, "IPAMConfig": None if aliases else endpoint.get("IPAMConfig")}
    return {key: value for key, value in wanted.items() if value}
